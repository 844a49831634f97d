/**
 * The program of a child process that runs one native proxy for its parent, started by child-proxy.ts.
 *
 * It lives exactly as long as its parent wants: the IPC channel breaks when the parent ends in whatever way, also
 * by SIGKILL, and the child ends with it.
 */
import { DemitterError } from '../errors.js';
import { codeOf } from './bind.js';
import type { FromChild, SentError, ToChild } from './child-messages.js';
import { startGatedProxy } from './gated-proxy.js';
import type { ProxySettings, RunningProxy } from './settings.js';

let proxy: RunningProxy | undefined;

function main(): void {
  // Ctrl-C in a terminal and a service manager's SIGTERM reach the whole group. The parent decides what they mean.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.on('message', (message: ToChild) => {
    if (message.type === 'stop') void stop();
    else if (message.type === 'reload keys') proxy?.reloadKeys();
    else void start(message.settings);
  });
  process.once('disconnect', () => void stop());
}

async function start(settings: ProxySettings): Promise<void> {
  try {
    proxy = await startGatedProxy(settings, (notice) => send({ type: 'notice', notice }));
  } catch (error) {
    send({ type: 'failed', error: toSent(error) });
    disconnect();
    return;
  }
  // The parent may have gone while the sockets were bound.
  if (!process.connected) return stop();
  send({ type: 'started', xsubAddress: proxy.xsubAddress, xpubAddress: proxy.xpubAddress });
  const failure = await proxy.ended;
  if (failure === undefined) return;
  send({ type: 'failed', error: toSent(failure) });
  process.exitCode = 1;
  disconnect();
}

async function stop(): Promise<void> {
  await proxy?.stop();
  disconnect();
}

function disconnect(): void {
  if (process.connected) process.disconnect();
}

function send(message: FromChild): void {
  // A parent that is gone needs no answer; 'disconnect' follows.
  process.send?.(message, undefined, undefined, () => undefined);
}

function toSent(error: unknown): SentError {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = error instanceof DemitterError ? error.code : undefined;
  const { cause } = error;
  if (!(cause instanceof Error)) return { message: error.message, code };
  return { message: error.message, code, cause: { message: cause.message, code: codeOf(cause) } };
}

main();
