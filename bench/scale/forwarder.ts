/** A forwarder in a process of its own, with default options, that says what it costs. */
import { createForwarder } from 'demitter';
import { serve } from '../processes/commands.js';
import { cpuCommands } from './cpu.js';
import { memoryCommands } from './memory.js';

const forwarder = await createForwarder({
  xsubAddress: 'tcp://127.0.0.1:0',
  xpubAddress: 'tcp://127.0.0.1:0',
});

export interface ForwarderAddresses {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
}

const commands = {
  ...cpuCommands,
  ...memoryCommands,
  addresses: (_: undefined): ForwarderAddresses => ({
    xsubAddress: forwarder.xsubAddress,
    xpubAddress: forwarder.xpubAddress,
  }),
};

export type ForwarderCommands = typeof commands;

serve(commands, () => forwarder.close());
