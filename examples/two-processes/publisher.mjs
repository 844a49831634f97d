// @ts-check
/**
 * Emits one temperature after another, until it is told to stop (SIGINT, SIGTERM) or has emitted `--count` of them.
 *
 * Plain JavaScript, typed by comments: Node and the installed package are all that it needs.
 */
import { setInterval } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DistributedEmitter } from 'demitter';

/** @typedef {{ 'temperature:measured': { n: number, celsius: number, at: Date } }} WeatherEvents */

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: 'Infinity' },
    interval: { type: 'string', default: '1000' },
  },
});
const count = Number(values.count);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());

// XSUB_ADDRESS and XPUB_ADDRESS say where the forwarder is; the library reads them itself. Without them it is here,
// at ports 5555 and 5556.
/** @type {DistributedEmitter<WeatherEvents>} */
const emitter = new DistributedEmitter();
emitter.on('distributed:status', ({ status }) => console.log(`publisher   ${status}`));
emitter.on('distributed:error', (error) => console.error(`publisher   ${error.code}: ${error.message}`));
await emitter.connect();

try {
  let n = 0;
  for await (const _ of setInterval(Number(values.interval), undefined, { signal: stop.signal })) {
    n += 1;
    const celsius = Math.round(200 + 50 * Math.sin(n / 10)) / 10;
    await emitter.emit('temperature:measured', { n, celsius, at: new Date() });
    console.log(`publisher   sent      ${n}: ${celsius} °C`);
    if (n >= count) break;
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
}

// Sends what is not sent yet. After it nothing keeps the process alive.
await emitter.close();
