/** The pure parts of who may connect: networks, the file of authorized keys, the decision, what is told of refusals. */
import { describe, expect, test } from 'vitest';
import {
  type AuthorizedKeys,
  parseAuthorizedKeys,
  type Rights,
} from '../../src/forwarder/access/authorized-keys.js';
import { checkNetwork, isThisMachine, Networks, plainAddress } from '../../src/forwarder/access/networks.js';
import { isGuarded, warnOfOpenness } from '../../src/forwarder/access/openness.js';
import { type AccessPolicy, type Applicant, decide } from '../../src/forwarder/access/policy.js';
import { RefusalLog } from '../../src/forwarder/access/refusal-log.js';
import { resolveProxySettings } from '../../src/forwarder/options.js';
import type { ForwarderOptions } from '../../src/forwarder.js';
import { formatKey, makeKeyPair } from '../../src/keys.js';

const KEY = 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID';
const OTHER = 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7';

describe('networks', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '203.0.113.9', false],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::/8', 'fe80::1', false],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['10.0.0.0/8', '', false],
    ['10.0.0.0/8', 'no address', false],
  ])('%s has %s: %s', (cidr, address, expected) => {
    expect(new Networks([checkNetwork('it', cidr)]).has(address)).toBe(expected);
  });

  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:', '::ffff:'],
  ])('%s is the address %s', (written, plain) => {
    expect(plainAddress(written)).toBe(plain);
  });

  test.each([
    '',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    '::ffff:10.0.0.0/8',
    'a/8',
    '10.0.0.1/-1',
    7,
  ])('%j is none', (value) => {
    expect(() => checkNetwork('`allow`', value)).toThrow(/^Expected `allow` to be networks like/);
  });

  test('this machine is its loopback and nothing that looks like it', () => {
    expect(['127.0.0.1', '127.3.2.1', '::1'].map(isThisMachine)).toEqual([true, true, true]);
    expect(['', '127', '127.evil.org', '192.0.2.77', '::2'].map(isThisMachine)).toEqual(Array(5).fill(false));
  });
});

describe('authorized keys', () => {
  test('are lines of name, key and rights; only a # that begins a line begins a comment', () => {
    const key = formatKey(Buffer.alloc(32, 0xff));
    expect(key[0]).toBe('%');
    const text = `# clients\n\n  a   ${KEY} both\r\n\tb\t${OTHER}\tpublish\n  # c ${key} both\nd ${key} subscribe`;
    expect(parseAuthorizedKeys('FILE', text)).toEqual(
      new Map([
        [KEY, { name: 'a', rights: 'both' }],
        [OTHER, { name: 'b', rights: 'publish' }],
        [key, { name: 'd', rights: 'subscribe' }],
      ]),
    );
  });

  test('may be written in hex', () => {
    const { publicKey } = makeKeyPair();
    const keys = parseAuthorizedKeys('FILE', `a ${publicKey.toString('hex').toUpperCase()} both`);
    expect([...keys.keys()]).toEqual([formatKey(publicKey)]);
  });

  test.each([
    [`a ${KEY}`, 'line 1 of FILE to be `NAME PUBLIC-KEY RIGHTS`, got 2 words'],
    [`#\na ${KEY} both extra`, 'line 2 of FILE to be `NAME PUBLIC-KEY RIGHTS`, got 4 words'],
    [`a ${KEY} all`, "the rights in line 1 of FILE to be publish, subscribe, both, got 'all'"],
    [`a ${KEY.slice(1)} both`, 'the public key in line 1 of FILE to be a key of 40 Z85 characters'],
    [`a/b ${KEY} both`, "the name in line 1 of FILE to be a name of up to 32 .*, got 'a/b'"],
    [`${'a'.repeat(33)} ${KEY} both`, 'the name in line 1 .* got 33 characters'],
    [`a ${KEY} both\n\na ${OTHER} both`, "line 3 of FILE to have a name 'a' of its own, got that of line 1"],
    [`a ${KEY} both\nb ${KEY} both`, 'line 2 of FILE to have a key of its own, got that of line 1'],
    [`secret-key = ${KEY}`, 'got a line of a key file'],
  ])('%j is a mistake, told without what may be a secret', (text, message) => {
    const error = caught(() => parseAuthorizedKeys('FILE', text));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(new RegExp(`^Expected .*${message.replace(/^line/, '.*line')}`));
    expect(error.message).not.toContain(KEY.slice(1));
  });
});

describe('decide', () => {
  const authorized: AuthorizedKeys = new Map(
    (['publish', 'subscribe', 'both'] as const).map((rights) => [rights, { name: rights, rights }]),
  );
  const keyed: AccessPolicy = {
    takesAddress: (address) => address !== 'bad',
    keys: { own: 'own', authorized },
  };
  const keyless: AccessPolicy = { ...keyed, keys: undefined };
  const ask = (policy: AccessPolicy, applicant: Partial<Applicant>) =>
    decide(policy, { side: 'xsub', address: 'good', mechanism: 'CURVE', key: 'both', ...applicant });

  test.each<[Rights, boolean, boolean]>([
    ['both', true, true],
    ['publish', true, false],
    ['subscribe', false, true],
  ])('the right %s opens XSUB: %s, XPUB: %s', (key, xsub, xpub) => {
    expect(ask(keyed, { key, side: 'xsub' }).admitted).toBe(xsub);
    expect(ask(keyed, { key, side: 'xpub' }).admitted).toBe(xpub);
  });

  test('address and key must both hold, and the forwarder itself is no exception to the former', () => {
    expect(ask(keyed, { address: 'bad' })).toEqual({ admitted: false, because: 'address' });
    expect(ask(keyed, { address: 'bad', key: 'own' })).toEqual({ admitted: false, because: 'address' });
    expect(ask(keyed, { key: 'own', side: 'xpub' }).admitted).toBe(true);
    expect(ask(keyed, { address: undefined }).admitted).toBe(true);
    expect(ask(keyless, { address: 'bad', mechanism: 'NULL' }).admitted).toBe(false);
  });

  test('an unknown key, none, or another mechanism is refused', () => {
    expect(ask(keyed, { key: 'unknown' })).toEqual({ admitted: false, because: 'key' });
    expect(ask(keyed, { key: undefined })).toEqual({ admitted: false, because: 'key' });
    for (const mechanism of ['NULL', 'PLAIN', 'GSSAPI', '']) {
      expect(ask(keyed, { mechanism })).toEqual({ admitted: false, because: 'mechanism' });
    }
    expect(ask(keyless, { mechanism: 'NULL', key: undefined }).admitted).toBe(true);
    expect(ask(keyless, { mechanism: 'PLAIN' }).admitted).toBe(false);
  });
});

describe('what nobody can be refused at is not asked about', () => {
  const settings = (options: ForwarderOptions) => resolveProxySettings(options, {});
  test.each([
    ['tcp://127.0.0.1:1', false],
    ['tcp://[::1]:1', false],
    ['ipc:///tmp/x', false],
    ['tcp://*:1', true],
    ['tcp://192.0.2.1:1', true],
    ['tcp://localhost:1', true],
  ])('%s: %s', (xsubAddress, guarded) => {
    expect(isGuarded(settings({ xsubAddress }), 'xsub')).toBe(guarded);
    const open = settings({ xsubAddress, unprotected: true });
    expect(isGuarded(open, 'xsub')).toBe(false);
    expect(isGuarded(settings({ xsubAddress, allow: ['::/0'], unprotected: true }), 'xsub')).toBe(guarded);
    const warning = warnOfOpenness(open, { xsubAddress: 'XSUB', xpubAddress: 'XPUB' });
    expect(warning).toContain(guarded ? 'reaches XSUB and XPUB can' : 'reaches XPUB can');
  });
});

describe('the log of refusals', () => {
  test('has each once a minute, and so many different ones at most', () => {
    const told: string[] = [];
    let now = 0;
    const log = new RefusalLog(
      ({ message }) => told.push(message),
      () => now,
    );
    const tell = (refusal: string) => log.tell(refusal, () => ({ level: 'warn', message: refusal }));
    for (const refusal of ['a', 'b', 'a']) tell(refusal);
    expect(told).toEqual(['a', 'b']);
    now = 59_999;
    tell('a');
    expect(told).toHaveLength(2);
    now = 60_000;
    for (let i = 0; i < 1000; i += 1) tell(`${i}`);
    expect(told).toHaveLength(2 + 100 + 1);
    expect(told.at(-1)).toContain('refused more than 100');
  });
});

function caught(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
