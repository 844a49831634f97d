/**
 * A timeout for what the network has to do. Timers run before sockets are read: after the event loop was blocked, a
 * plain timer would complain of an answer that is already here, and a process that blocks often would never connect.
 *
 * @returns a function that cancels it.
 */
export function deadline(delayMs: number, onPassed: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    immediate = setImmediate(onPassed);
  }, delayMs);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
