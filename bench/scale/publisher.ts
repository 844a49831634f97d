/** The publishing process: emits series in chunks, as fast as they are taken or at a rate. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { makeEvent } from '../event.js';
import { serve } from '../processes/commands.js';
import { cpuCommands } from './cpu.js';
import { newEmitter } from './emitter.js';
import { FULL_BATCH, scaleNames } from './names.js';

/** A turn of the event loop emits so many; the last one is awaited, so that what waits to be sent stays little. */
const CHUNK = 36 * FULL_BATCH;

export interface Series {
  /** Number of the first event. */
  readonly from: number;
  readonly count: number;
  readonly names: number;
  /** How many events in a row have the same name; then comes the next one. */
  readonly run: number;
}

export interface Paced extends Series {
  readonly chunk: number;
  readonly intervalMs: number;
}

const emitter = newEmitter();
await emitter.connect();
await emitter.ready();

const commands = {
  ...cpuCommands,

  /** As fast as it goes. */
  async emit(series: Series): Promise<void> {
    const { from, count } = series;
    const emitOne = emitterOf(series);
    for (let seq = from; seq < from + count; ) {
      const last = Math.min(seq + CHUNK, from + count) - 1;
      for (; seq < last; seq += 1) void emitOne(seq);
      await emitOne(last);
      seq += 1;
      await nextTurn();
    }
  },

  /** A chunk at a time. */
  async emitPaced(series: Paced): Promise<void> {
    const { from, count, chunk, intervalMs } = series;
    const emitOne = emitterOf(series);
    const start = performance.now();
    for (let done = 0; done < count; done += chunk) {
      const left = start + (done / chunk) * intervalMs - performance.now();
      if (left > 0) await sleep(left);
      const end = Math.min(done + chunk, count);
      for (let i = done; i < end; i += 1) void emitOne(from + i);
    }
  },
};

export type PublisherCommands = typeof commands;

serve(commands, () => emitter.close());

function emitterOf({ names, run }: Series): (seq: number) => Promise<void> {
  const list = scaleNames(names);
  return (seq) => emitter.emit(list[Math.floor(seq / run) % names] as string, makeEvent(seq));
}
