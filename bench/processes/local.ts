/** A process that emits to itself: Emittery, or a Demitter emitter that is or is not connected. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DistributedEmitter, type DistributedEmitterOptions } from 'demitter';
import Emittery from 'emittery';
import { type BenchEvent, eventNames, makeEvent } from '../event.js';
import { cpuSecondsSince, serve } from './commands.js';

/** Awaiting what is done already never leaves the microtasks: the event loop gets its turn after so many events. */
const TURN_EVERY = 1000;

export type LocalKind = 'Emittery' | 'demitter';

export interface LocalRun {
  readonly listeners: number;
  readonly count: number;
}

export interface LocalResult {
  readonly milliseconds: number;
  readonly cpuSeconds: number;
  /** Events that the listeners got, which is to be `listeners × count`. */
  readonly received: number;
  /** The most memory that the process ever had, in MB. */
  readonly peakMemory: number;
}

type Events = Record<string, BenchEvent>;

interface LocalEmitter {
  on(name: string, listener: () => void): () => void;
  emit(name: string, event: BenchEvent): Promise<void>;
  close(): Promise<void>;
}

const emitter = create(process.argv[2] as LocalKind, JSON.parse(process.argv[3] ?? '{}'));
const [name] = eventNames(1) as [string];

function create(kind: LocalKind, options: DistributedEmitterOptions): LocalEmitter {
  if (kind === 'Emittery') return Object.assign(new Emittery<Events>(), { close: async () => undefined });
  const emitter = new DistributedEmitter<Events>(options);
  // Who never connects is told, as it should be: of what the buffer does not hold, and of what was never sent.
  emitter.on('distributed:error', ({ type, message }) => {
    if (type !== 'overflow' && type !== 'closed') console.error(message);
  });
  return emitter;
}

const commands = {
  /** Only for Demitter. */
  connect: async (_: undefined): Promise<void> => {
    if (emitter instanceof DistributedEmitter) await emitter.connect();
  },

  /** Emits so many events, each awaited. */
  async run({ listeners, count }: LocalRun): Promise<LocalResult> {
    let received = 0;
    const offs = Array.from({ length: listeners }, () =>
      emitter.on(name, () => {
        received += 1;
      }),
    );
    const cpuStart = process.cpuUsage();
    const start = performance.now();
    for (let seq = 0; seq < count; seq += 1) {
      await emitter.emit(name, makeEvent(seq));
      if (seq % TURN_EVERY === 0) await nextTurn();
    }
    const milliseconds = performance.now() - start;
    const cpuSeconds = cpuSecondsSince(cpuStart);
    for (const off of offs) off();
    return { milliseconds, cpuSeconds, received, peakMemory: process.resourceUsage().maxRSS / 1000 };
  },
};

export type LocalCommands = typeof commands;

serve(commands, () => emitter.close());
