import { describe, expect, test } from 'vitest';
import { resolveOptions } from '../../src/options.js';
import { unpackPayloads } from '../../src/wire/payload.js';

const resolve = (options: unknown, environment = {}) => resolveOptions(options, environment);

describe('addresses', () => {
  test('are the forwarder’s defaults on this machine', () => {
    expect(resolve({})).toMatchObject({
      xsubAddress: 'tcp://localhost:5555',
      xpubAddress: 'tcp://localhost:5556',
    });
  });

  test('come from the environment, an address before a port', () => {
    const environment = { XSUB_ADDRESS: 'tcp://a:1', XSUB_PORT: '2', XPUB_PORT: '3' };
    expect(resolve({}, environment)).toMatchObject({
      xsubAddress: 'tcp://a:1',
      xpubAddress: 'tcp://localhost:3',
    });
  });

  test('given explicitly beat the environment: a port beats an address there', () => {
    const environment = { XSUB_ADDRESS: 'tcp://a:1', XPUB_ADDRESS: 'tcp://a:2' };
    expect(resolve({ xsubPort: 7, xpubAddress: 'ipc:///tmp/x' }, environment)).toMatchObject({
      xsubAddress: 'tcp://localhost:7',
      xpubAddress: 'ipc:///tmp/x',
    });
  });

  test.each(['tcp://*:5555', 'tcp://0.0.0.0:5555', 'tcp://[::]:5555'])(
    '%s means this machine',
    (xsubAddress) => {
      expect(resolve({ xsubAddress }).xsubAddress).toBe('tcp://localhost:5555');
    },
  );

  test('empty variables are no variables', () => {
    expect(resolve({}, { XSUB_ADDRESS: '', XSUB_PORT: '' }).xsubAddress).toBe('tcp://localhost:5555');
  });
});

describe('sizes and times', () => {
  test('of the recovery of missed events have defaults, and may be 0', () => {
    expect(resolve({})).toMatchObject({
      historyBytes: 128 * 1024 * 1024,
      historyAge: 60_000,
      recoveryTimeout: 15_000,
    });
    const none = { historyBytes: 0, historyAge: 0, recoveryTimeout: 0 };
    expect(resolve(none)).toMatchObject(none);
  });

  test('a message may be as large as the largest event or batch, and what is around it', () => {
    const overhead = 64 * 1024;
    expect(resolve({ maxEventBytes: 100_000, maxBatchBytes: 5000 }).maxMessageBytes).toBe(100_000 + overhead);
    expect(resolve({ maxEventBytes: 1000, maxBatchBytes: 500_000 }).maxMessageBytes).toBe(500_000 + overhead);
  });
});

describe('a forwarder', () => {
  test('is somebody else’s business, unless it is said otherwise', () => {
    expect(resolve({}).forwarder).toBe('external');
    expect(resolve({ forwarder: 'external', xsubAddress: 'tcp://example.com:1' }).forwarder).toBe('external');
  });

  test.each([
    {},
    { xsubPort: 7 },
    { xsubAddress: 'tcp://*:7', xpubAddress: 'tcp://127.0.0.2:8' },
    { xsubAddress: 'ipc:///tmp/x' },
    { xsubAddress: 'tcp://[::1]:7' },
  ])('can run here at addresses of this machine: %o', (addresses) => {
    expect(resolve({ forwarder: 'auto', ...addresses }).forwarder).toBe('auto');
  });
});

describe('rights', () => {
  test('are both by default, or as given', () => {
    expect(resolve({}).rights).toBe('both');
    for (const rights of ['both', 'publish', 'subscribe'] as const)
      expect(resolve({ rights }).rights).toBe(rights);
  });

  test.each(['none', '', null, 1, ['publish']])('are not %j', (rights) => {
    expect(() => resolve({ rights })).toThrow(TypeError);
  });

  test.each([{ name: 'x' }, { meta: 1 }, { heartbeatInterval: 1000 }])(
    'to subscribe alone are not enough to take part in presence: %j',
    (presence) => {
      expect(() => resolve({ rights: 'subscribe', ...presence })).toThrow(
        "Expected none of `name`, `meta` and `heartbeatInterval` with `rights: 'subscribe'`",
      );
      expect(resolve({ rights: 'publish', ...presence }).presence.takesPart).toBe(true);
    },
  );
});

describe('presence', () => {
  test('is taken part in by who gives one of its options', () => {
    const none = { takesPart: false, name: '', heartbeatInterval: 1000 };
    expect(resolve({}).presence).toMatchObject(none);
    expect(resolve({ name: undefined, meta: undefined }).presence).toMatchObject(none);
    expect(resolve({ name: 'api' }).presence).toMatchObject({ takesPart: true, name: 'api' });
    expect(resolve({ meta: null }).presence.takesPart).toBe(true);
    expect(resolve({ heartbeatInterval: 100 }).presence).toMatchObject({
      ...none,
      takesPart: true,
      heartbeatInterval: 100,
    });
  });

  test('has the meta of when it was given: later changes are not seen, and bytes are not shared', () => {
    const meta = { zone: 1 };
    const { presence } = resolve({ meta });
    meta.zone = 2;
    resolve({ meta });
    expect(unpackPayloads(Buffer.from(presence.meta), 0, 1)).toEqual([{ zone: 1 }]);
  });
});

describe('mistakes name the option, what was expected and what was given', () => {
  test.each<[string, unknown, object, RegExp]>([
    ['no object', 'x', {}, /options to be an object, got 'x'/],
    ['an unknown option', { xsubport: 1 }, {}, /Unknown option `xsubport`: expected one of .*xsubPort/],
    [
      'a port of the wrong type',
      { xsubPort: '5555' },
      {},
      /`xsubPort` to be a number from 1 to 65535, got '5555'/,
    ],
    [
      'a port out of range',
      { xpubPort: 70000 },
      {},
      /`xpubPort` to be a whole number from 1 to 65535, got 70000/,
    ],
    ['port 0, which nobody can dial', { xpubPort: 0 }, {}, /`xpubPort` .*from 1 to 65535, got 0/],
    [
      'an address without a scheme',
      { xsubAddress: 'localhost:1' },
      {},
      /`xsubAddress` .*tcp:\/\/HOST:PORT.*'localhost:1'/,
    ],
    [
      'an address without a port',
      { xsubAddress: 'tcp://a' },
      {},
      /`xsubAddress` .*'tcp:\/\/a', which has no port/,
    ],
    ['an address with port 0', { xsubAddress: 'tcp://a:0' }, {}, /`xsubAddress` .*port from 1 to 65535/],
    ['a variable that is no port', {}, { XSUB_PORT: 'x' }, /environment variable XSUB_PORT .*got 'x'/],
    ['a variable that is no address', {}, { XPUB_ADDRESS: 'x' }, /environment variable XPUB_ADDRESS .*'x'/],
    [
      'a transport nobody knows',
      { transport: 'udp' },
      {},
      /`transport` .*'zmtp', 'memory' or a factory.*'udp'/,
    ],
    ['a forwarder nobody knows', { forwarder: true }, {}, /`forwarder` to be 'auto' or 'external', got true/],
    [
      'a forwarder of another machine, by its name',
      { forwarder: 'auto', xsubAddress: 'tcp://example.com:5555' },
      {},
      /`xsubAddress` to be of this machine with `forwarder: 'auto'` .*got 'tcp:\/\/example.com:5555'/,
    ],
    [
      'a forwarder of another machine, by its address in the environment',
      { forwarder: 'auto' },
      { XPUB_ADDRESS: 'tcp://192.0.2.1:5556' },
      /environment variable XPUB_ADDRESS to be of this machine .*got 'tcp:\/\/192.0.2.1:5556'/,
    ],
    [
      'one address for both sides of a forwarder',
      { forwarder: 'auto', xsubPort: 7, xpubPort: 7 },
      {},
      /`xpubPort` to be another address than `xsubPort`, got 'tcp:\/\/localhost:7' for both/,
    ],
    [
      'a forwarder for a transport without one',
      { forwarder: 'auto', transport: 'memory' },
      {},
      /`transport` to be 'zmtp' with `forwarder: 'auto'`, got 'memory'/,
    ],
    ['a negative time', { connectTimeout: -1 }, {}, /`connectTimeout` .*got -1/],
    ['a time that is no number', { closeTimeout: Number.NaN }, {}, /`closeTimeout` .*got NaN/],
    [
      'a mark over the limit',
      { maxBufferBytes: 10, highWaterMark: 11 },
      {},
      /`highWaterMark` .*from 1 to 10, got 11/,
    ],
    ['a negative size', { historyBytes: -1 }, {}, /`historyBytes` .*got -1/],
    ['a time that no timer takes', { historyAge: 2 ** 31 }, {}, /`historyAge` .*got 2147483648/],
    ['a time in words', { recoveryTimeout: '5s' }, {}, /`recoveryTimeout` to be a number .*got '5s'/],
    ['a namespace of other characters', { namespace: 'a b' }, {}, /`namespace` .*got 'a b'/],
    ['a namespace that is too long', { namespace: 'x'.repeat(65) }, {}, /`namespace` to be up to 64/],
    ['a separator with a star', { separator: ':*' }, {}, /`separator` .*got ':\*'/],
    ['no separator', { separator: '' }, {}, /`separator` .*got ''/],
    ['a separator that tears characters', { separator: '\ud83d' }, {}, /`separator` .*lone surrogates/],
    ['a context that is no boolean', { context: 1 }, {}, /`context` to be a boolean, got 1/],
    ['a name that is no string', { name: 7 }, {}, /`name` to be a string of 1 to 255 characters, got 7/],
    ['an empty name', { name: '' }, {}, /`name` to be a string of 1 to 255 characters, got 0/],
    ['a long name', { name: 'x'.repeat(256) }, {}, /`name` .* 1 to 255 characters, got 256/],
    ['a name that UTF-8 cannot hold', { name: 'a\ud800' }, {}, /`name` .*got 'a\\ud800', which has a lone/],
    ['meta that cannot travel', { meta: { f() {} } }, {}, /`meta` .*data\.f: a function cannot travel/],
    ['meta that is too large', { meta: 'x'.repeat(16_384) }, {}, /`meta` .*16384 bytes.*got 16387/],
    ['a heartbeat that is too fast', { heartbeatInterval: 99 }, {}, /`heartbeatInterval` .*from 100.*got 99/],
    ['a heartbeat in words', { heartbeatInterval: '1s' }, {}, /`heartbeatInterval` .*number.*got '1s'/],
    ['null', { maxEventBytes: null }, {}, /`maxEventBytes` .*got null/],
  ])('%s', (_, options, environment, message) => {
    expect(() => resolve(options, environment)).toThrow(message);
  });
});
