/** A forwarder in a process of its own, with default options, on ports that the system chooses; `keys` gives it some. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createForwarder } from 'demitter';
import { curveKeyPair } from 'zeromq';
import { serve } from './commands.js';

/** Of the forwarder, and the one key that all clients share. */
interface Keys {
  readonly serverKey: string;
  readonly secretKey: string;
  readonly files: { readonly secretKeyFile: string; readonly authorizedKeysFile: string };
}

const folder = mkdtempSync(join(tmpdir(), 'demitter-'));
const keys = process.argv[2] === 'keys' ? makeKeys() : undefined;

const forwarder = await createForwarder({
  xsubAddress: 'tcp://127.0.0.1:0',
  xpubAddress: 'tcp://127.0.0.1:0',
  ...keys?.files,
});

const commands = {
  addresses: (_: undefined) => ({
    xsubAddress: forwarder.xsubAddress,
    xpubAddress: forwarder.xpubAddress,
    ...(keys && { serverKey: keys.serverKey, secretKey: keys.secretKey }),
  }),
};

export type ForwarderCommands = typeof commands;

serve(commands, async () => {
  await forwarder.close();
  rmSync(folder, { recursive: true });
});

function makeKeys(): Keys {
  const [server, client] = [curveKeyPair(), curveKeyPair()];
  const files = { secretKeyFile: join(folder, 'server.key'), authorizedKeysFile: join(folder, 'authorized') };
  writeFileSync(files.secretKeyFile, `secret-key = ${server.secretKey}\n`, { mode: 0o600 });
  writeFileSync(files.authorizedKeysFile, `bench ${client.publicKey} both\n`);
  return { serverKey: server.publicKey, secretKey: client.secretKey, files };
}
