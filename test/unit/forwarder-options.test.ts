import { describe, expect, test } from 'vitest';
import { formatEndpoint } from '../../src/address.js';
import { resolveLogLevel } from '../../src/forwarder/log-level.js';
import { type ForwarderOptions, resolveProxySettings } from '../../src/forwarder/options.js';
import { parseSize } from '../../src/forwarder/thread-slots.js';

function addresses(options: ForwarderOptions, environment: Record<string, string> = {}) {
  const { xsub, xpub } = resolveProxySettings(options, environment);
  return [formatEndpoint(xsub.endpoint), formatEndpoint(xpub.endpoint)];
}

describe('addresses', () => {
  test('default to 5555 and 5556 on all interfaces', () => {
    expect(addresses({})).toEqual(['tcp://*:5555', 'tcp://*:5556']);
    expect(resolveProxySettings({}, {})).toMatchObject({
      highWaterMark: 16_384,
      maxMessageBytes: 16 * 1024 * 1024 + 64 * 1024,
      handshakeInterval: 10_000,
    });
  });

  test('come from the environment, where an address beats a port and an empty value is none', () => {
    const environment = {
      XSUB_ADDRESS: 'ipc:///tmp/x',
      XSUB_PORT: '7000',
      XPUB_ADDRESS: '',
      XPUB_PORT: '7001',
    };
    expect(addresses({}, environment)).toEqual(['ipc:///tmp/x', 'tcp://*:7001']);
  });

  test('given as options beat the environment: also a port beats an address', () => {
    const environment = { XSUB_ADDRESS: 'tcp://10.0.0.1:1', XPUB_ADDRESS: 'tcp://10.0.0.1:2' };
    const options = { xsubPort: 0, xpubAddress: 'tcp://127.0.0.1:0' };
    expect(addresses(options, environment)).toEqual(['tcp://*:0', 'tcp://127.0.0.1:0']);
  });

  test('given as options beat ports given as options', () => {
    expect(addresses({ xsubPort: 1, xsubAddress: 'tcp://[::1]:2' })[0]).toBe('tcp://[::1]:2');
  });
});

describe('mistakes', () => {
  test.each<[unknown, string]>([
    [null, 'Expected the options to be an object, got null'],
    [[], 'Expected the options to be an object, got an array'],
    [{ xsubport: 1 }, 'Unknown option `xsubport`: expected one of xsubPort, xpubPort'],
    [{ xsubPort: '5555' }, "Expected `xsubPort` to be a number from 0 to 65535, got '5555'"],
    [{ xpubPort: 65_536 }, 'Expected `xpubPort` to be a whole number from 0 to 65535, got 65536'],
    [{ xpubPort: Number.NaN }, 'Expected `xpubPort` to be a whole number from 0 to 65535, got NaN'],
    [
      { xsubPort: -1, xsubAddress: 'tcp://*:1' },
      'Expected `xsubPort` to be a whole number from 0 to 65535, got -1',
    ],
    [
      { xsubAddress: 5 },
      'Expected `xsubAddress` to be a string of the form tcp://HOST:PORT or ipc://PATH, got 5',
    ],
    [
      { xpubAddress: 'tcp://x' },
      "Expected `xpubAddress` to be of the form tcp://HOST:PORT or ipc://PATH, got 'tcp://x', which has no port",
    ],
    [
      { xsubPort: 7, xpubPort: 7 },
      'Expected `xpubPort` to be another address than `xsubPort`, got tcp://*:7 for both',
    ],
    [
      { xpubPort: 5555 },
      'Expected `xpubPort` to be another address than the default, got tcp://*:5555 for both',
    ],
    [{ highWaterMark: 0 }, 'Expected `highWaterMark` to be a whole number from 1 to 2147483647, got 0'],
    [{ highWaterMark: 1.5 }, 'Expected `highWaterMark` to be a whole number from 1 to 2147483647, got 1.5'],
    [
      { maxMessageBytes: 100 },
      'Expected `maxMessageBytes` to be a whole number from 1024 to 2147483647, got 100',
    ],
    [
      { handshakeInterval: '1s' },
      "Expected `handshakeInterval` to be a number from 1 to 2147483647, got '1s'",
    ],
    [{ logger: {}, loggerOptions: {} }, 'Expected either `logger` or `loggerOptions`, got both'],
    [{ logger: {} }, 'Expected `logger` to be a pino logger, got an object'],
    [{ loggerOptions: 'info' }, "Expected `loggerOptions` to be an object, got 'info'"],
  ])('%o', (options, message) => {
    const error = caught(() => resolveProxySettings(options as ForwarderOptions, {}));
    expect(String(error)).toMatch(/^(?:Type|Range)Error: /);
    expect(String(error)).toContain(message);
  });

  test.each([
    [{ XSUB_PORT: 'abc' }, "Expected environment variable XSUB_PORT to be a port from 0 to 65535, got 'abc'"],
    [{ XPUB_ADDRESS: 'x\ny' }, "got 'x\\ny', which begins with neither"],
  ])('%o in the environment', (environment, message) => {
    expect(() => resolveProxySettings({}, environment)).toThrow(message);
  });

  test('are not looked for in what is beaten', () => {
    expect(addresses({ xsubPort: 1 }, { XSUB_PORT: 'abc' })[0]).toBe('tcp://*:1');
  });

  test('are told by the names of the command line', () => {
    const nameOf = (option: string) => `--${option}`;
    expect(() => resolveProxySettings({ xsubPort: -1 }, {}, nameOf)).toThrow(
      'Expected --xsubPort to be a whole number',
    );
  });
});

function caught(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe('resolveLogLevel()', () => {
  const name = (option: string) => option;

  test('an option beats LOG_LEVEL, which beats info', () => {
    expect(resolveLogLevel(undefined, {}, name)).toBe('info');
    expect(resolveLogLevel(undefined, { LOG_LEVEL: '' }, name)).toBe('info');
    expect(resolveLogLevel(undefined, { LOG_LEVEL: 'warn' }, name)).toBe('warn');
    expect(resolveLogLevel('silent', { LOG_LEVEL: 'warn' }, name)).toBe('silent');
  });

  test('refuses what is no level', () => {
    expect(() => resolveLogLevel('INFO', {}, name)).toThrow(
      "Expected logLevel to be one of trace, debug, info, warn, error, fatal, silent, got 'INFO'",
    );
    expect(() => resolveLogLevel(undefined, { LOG_LEVEL: 'x' }, name)).toThrow(
      'environment variable LOG_LEVEL',
    );
  });
});

test('the size of the thread pool is read as libuv reads it', () => {
  expect([undefined, '16', '0', '-3', 'many', '9999'].map(parseSize)).toEqual([4, 16, 1, 1, 1, 1024]);
});
