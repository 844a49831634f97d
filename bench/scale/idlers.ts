/** A process that holds many emitters, each of which listens to a name of its own that nobody emits. */
import { makeEvent } from '../event.js';
import { serve } from '../processes/commands.js';
import { cpuCommands } from './cpu.js';
import { newEmitter, type ScaleEmitter } from './emitter.js';
import { memoryCommands } from './memory.js';
import { IDLE_PREFIX } from './names.js';

/** So many connect at the same time. */
const AT_ONCE = 25;

const emitters: ScaleEmitter[] = [];

const commands = {
  ...cpuCommands,
  ...memoryCommands,

  /** Connects so many more. */
  async add(count: number): Promise<void> {
    for (let left = count; left > 0; left -= AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, addOne));
    }
  },

  /** Each emits one event that nobody listens to. */
  async emitOnce(_: undefined): Promise<void> {
    await Promise.all(emitters.map((emitter) => emitter.emit(`${IDLE_PREFIX}:unheard`, makeEvent(0))));
  },
};

export type IdlersCommands = typeof commands;

serve(commands, async () => {
  await Promise.all(emitters.map((emitter) => emitter.close()));
});

async function addOne(): Promise<void> {
  const emitter = newEmitter();
  emitters.push(emitter);
  emitter.on(`${IDLE_PREFIX}:${emitter.id}`, () => undefined);
  await emitter.connect();
  await emitter.ready();
}
