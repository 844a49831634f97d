// @ts-check
/**
 * Prints every temperature, until it is told to stop (SIGINT, SIGTERM) or has seen `--count` of them.
 *
 * Plain JavaScript, typed by comments: Node and the installed package are all that it needs.
 */
import { parseArgs } from 'node:util';
import { DistributedEmitter } from 'demitter';

/** @typedef {{ 'temperature:measured': { n: number, celsius: number, at: Date } }} WeatherEvents */

const { values } = parseArgs({ options: { count: { type: 'string', default: 'Infinity' } } });
const count = Number(values.count);

/** @type {DistributedEmitter<WeatherEvents>} */
const emitter = new DistributedEmitter();
emitter.on('distributed:status', ({ status }) => console.log(`subscriber  ${status}`));
emitter.on('distributed:error', (error) => console.error(`subscriber  ${error.code}: ${error.message}`));

// close() finishes iterators, so this also ends the loop below.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => emitter.close());

const temperatures = emitter.events('temperature:measured');
await emitter.connect().catch((error) => {
  // Stopped before there was a forwarder.
  if (error.code !== 'DEMITTER_CLOSED') throw error;
});

let seen = 0;
for await (const { n, celsius, at } of temperatures) {
  seen += 1;
  console.log(`subscriber  received  ${n}: ${celsius} °C, ${Date.now() - at.getTime()} ms ago`);
  if (seen >= count) break;
}

await emitter.close();
