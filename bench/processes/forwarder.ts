/** A forwarder in a process of its own, with default options, on ports that the system chooses. */
import { createForwarder } from 'demitter';
import { serve } from './commands.js';

const forwarder = await createForwarder({
  xsubAddress: 'tcp://127.0.0.1:0',
  xpubAddress: 'tcp://127.0.0.1:0',
});

const commands = {
  addresses: (_: undefined) => ({
    xsubAddress: forwarder.xsubAddress,
    xpubAddress: forwarder.xpubAddress,
  }),
};

export type ForwarderCommands = typeof commands;

serve(commands, () => forwarder.close());
