import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Bus } from '../support/bus.js';
import { spawnProgram } from '../support/process.js';

// Debian's own, where its packages are; another Python in PATH does not have them.
const PYTHON = '/usr/bin/python3';
const CLIENT = fileURLToPath(new URL('../support/python-client.py', import.meta.url));

const installed = spawnSync(PYTHON, ['-c', 'import zmq, msgpack']).status === 0;
// Where CI forgot to install them, the test fails rather than vanish.
const skipped = !installed && process.env.CI === undefined;

test.skipIf(skipped)(
  `a client in Python, written from docs/protocol.md alone, receives an event and sends three${
    skipped ? ' (skipped: python3-zmq or python3-msgpack is not installed)' : ''
  }`,
  async () => {
    await using bus = await Bus.start();
    const emitter = await bus.emitter();
    const errors: unknown[] = [];
    emitter.on('distributed:error', (error) => errors.push(error));
    const batch: unknown[] = [];
    emitter.on('from-python', (data) => batch.push(data));
    const done = emitter.once('done');
    await emitter.ready();

    const { xsubAddress, xpubAddress } = bus.addresses;
    await using client = spawnProgram(PYTHON, { args: [CLIENT, xsubAddress, xpubAddress] });
    await client.line(/^ready$/);

    await emitter.emit('nobody-listens', 0);
    const date = new Date(1_700_000_000_123);
    await emitter.emit('from-node', {
      text: 'grüße',
      big: 2 ** 40,
      bytes: Buffer.from([1, 2]),
      date,
      n: 10n,
      none: undefined,
    });
    const [line] = await client.line(/^\{.*\}$/);
    expect(JSON.parse(line)).toEqual({
      name: 'from-node',
      own: false,
      publisher: emitter.id,
      sequence: 2,
      previous: 0,
      position: 0,
      payloads: [
        {
          text: 'grüße',
          big: 2 ** 40,
          bytes: { bytes: '0102' },
          date: { timestamp: date.getTime() },
          n: [0x42, { bytes: '000000000000000a' }],
          none: [0, { bytes: '00' }],
        },
      ],
    });

    expect(await done).toBe(true);
    expect(batch).toStrictEqual([
      { text: 'grüße', big: 2 ** 40, half: 0.5, bytes: Buffer.from([1, 2]), none: null },
      [undefined, new Set(['a', 'b']), date],
    ]);
    expect(await client.exit).toEqual({ code: 0, signal: null });
    expect(client.stderr).toEqual([]);
    expect(errors).toEqual([]);
  },
);
