import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Endpoint, formatEndpoint, parseEndpoint, parsePort, toDialable } from '../../src/address.js';

describe('parseEndpoint()', () => {
  test.each<[string, Endpoint]>([
    ['tcp://*:5555', { protocol: 'tcp', host: '*', port: 5555 }],
    ['tcp://127.0.0.1:0', { protocol: 'tcp', host: '127.0.0.1', port: 0 }],
    ['tcp://my_host-1.example.org:65535', { protocol: 'tcp', host: 'my_host-1.example.org', port: 65_535 }],
    ['tcp://[::1]:5555', { protocol: 'tcp', host: '::1', port: 5555 }],
    ['tcp://[fe80::1%eth0]:5555', { protocol: 'tcp', host: 'fe80::1%eth0', port: 5555 }],
    ['ipc:///tmp/a b.sock', { protocol: 'ipc', path: '/tmp/a b.sock' }],
    ['ipc://relative.sock', { protocol: 'ipc', path: 'relative.sock' }],
  ])('%s', (address, endpoint) => {
    expect(parseEndpoint(address)).toEqual(endpoint);
    expect(formatEndpoint(endpoint)).toBe(address);
  });

  test.each([
    ['', 'begins with neither tcp:// nor ipc://'],
    ['localhost:5555', 'begins with neither tcp:// nor ipc://'],
    ['TCP://localhost:5555', 'begins with neither tcp:// nor ipc://'],
    ['udp://localhost:5555', 'begins with neither tcp:// nor ipc://'],
    ['tcp://localhost', 'has no port'],
    ['tcp://[::1]', 'has no port'],
    ['tcp://localhost:', 'has no port from 0 to 65535'],
    ['tcp://localhost:65536', 'has no port from 0 to 65535'],
    ['tcp://localhost:5 5', 'has no port from 0 to 65535'],
    ['tcp://localhost:-1', 'has no port from 0 to 65535'],
    ['tcp://localhost:5555/path', 'has no port from 0 to 65535'],
    ['tcp://:5555', 'has no valid host'],
    ['tcp://::1:5555', 'has no valid host'],
    ['tcp://[1.2.3.4]:5555', 'has no valid host'],
    ['tcp://user@host:5555', 'has no valid host'],
    ['tcp://a b:5555', 'has no valid host'],
    ['ipc://', 'names no path'],
    ['ipc://*', 'names no path'],
    ['ipc://@abstract', 'abstract socket'],
    ['ipc:///tmp/a\0b', 'has a NUL'],
    [`ipc:///${'ä'.repeat(54)}`, 'over 107 bytes'],
  ])('%j is refused: it %s', (address, reason) => {
    expect(parseEndpoint(address)).toContain(reason);
  });

  test('what it lets through is written back unchanged, and nothing makes it throw', () => {
    const pieces = fc.constantFrom(
      'tcp://',
      'ipc://',
      '[',
      ']',
      ':',
      '*',
      '::1',
      'host',
      '5555',
      '/',
      '0',
      '@',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
        const address = parts.join('');
        const endpoint = parseEndpoint(address);
        if (typeof endpoint === 'string') return;
        expect(parseEndpoint(formatEndpoint(endpoint))).toEqual(endpoint);
      }),
    );
  });
});

describe('parsePort()', () => {
  test.each([
    ['0', 0],
    ['65535', 65_535],
    ['08080', 8080],
    ['65536', undefined],
    ['', undefined],
    ['1e3', undefined],
    ['0x50', undefined],
    ['+80', undefined],
    ['80.0', undefined],
    [' 80', undefined],
  ])('%j is %s', (text, port) => {
    expect(parsePort(text)).toBe(port);
  });
});

describe('toDialable()', () => {
  test.each([
    ['tcp://*:5555', 'tcp://localhost:5555'],
    ['tcp://0.0.0.0:5555', 'tcp://localhost:5555'],
    ['tcp://[::]:5555', 'tcp://localhost:5555'],
    ['tcp://10.0.0.1:5555', 'tcp://10.0.0.1:5555'],
    ['ipc:///tmp/x', 'ipc:///tmp/x'],
  ])('%s is dialled as %s', (address, dialled) => {
    const endpoint = parseEndpoint(address) as Endpoint;
    expect(formatEndpoint(toDialable(endpoint))).toBe(dialled);
  });
});
