/** An emitter as the processes here have it: at the forwarder that the parent named, with default options. */
import { DistributedEmitter } from 'demitter';
import type { BenchEvent } from '../event.js';

export type ScaleEmitter = DistributedEmitter<Record<string, BenchEvent>>;

export function newEmitter(): ScaleEmitter {
  const emitter: ScaleEmitter = new DistributedEmitter(JSON.parse(process.argv[2] ?? '{}'));
  emitter.on('distributed:error', ({ code, message }) => console.error(`${code}: ${message}`));
  return emitter;
}
