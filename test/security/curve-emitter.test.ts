/** Emitters with keys, and a forwarder of libzmq's own parts that lets in whom it knows: who gets in, and what the others are told. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import { formatKey, makeKeyPair } from '../../src/keys.js';
import type { DistributedEmitterOptions } from '../../src/options.js';
import { Mailbox } from '../conformance/mailbox.js';
import { clientKeys, SERVER, securityOf } from '../support/curve.js';
import { CurveForwarder } from '../support/curve-forwarder.js';

/** What is asked of refusals and grants. */
const SOON_MS = 2_000;

/** An emitter that keeps what it is told. */
class Client implements AsyncDisposable {
  readonly emitter: DistributedEmitter<Record<string, unknown>>;
  readonly errors = new Mailbox<DistributedError>();
  readonly got = new Mailbox<unknown>();

  constructor(options: DistributedEmitterOptions) {
    this.emitter = new DistributedEmitter({ connectTimeout: 60_000, ...options });
    this.emitter.on('distributed:error', (error) => this.errors.push(error));
    this.emitter.on('event', (data) => this.got.push(data));
    void this.emitter.connect();
  }

  get securityErrors(): DistributedError[] {
    return this.errors.all.filter(({ type }) => type === 'security');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.emitter.close();
  }
}

describe('an emitter with keys', () => {
  it('exchanges events with others that are let in', async () => {
    const [alice, bob] = [clientKeys(), clientKeys()];
    await using forwarder = await CurveForwarder.start(
      new Map([
        [alice, 'both'],
        [bob, 'both'],
      ]),
    );
    await using a = new Client({ ...forwarder.addresses, security: securityOf(alice) });
    await using b = new Client({ ...forwarder.addresses, security: securityOf(bob) });
    await Promise.all([a.emitter.ready(), b.emitter.ready()]);
    for (let number = 0; number < 1_000; number += 1) void a.emitter.emit('event', number);
    await a.emitter.emit('event', 'x'.repeat(1_000_000));
    const got = await b.got.first(1_001);
    expect(got.slice(0, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, number) => number));
    expect(a.errors.all).toEqual([]);
    expect(b.errors.all).toEqual([]);
  });

  it('that is not known is told so for each side within 2 s, once, and gets in within 2 s of being granted', async () => {
    const keys = clientKeys();
    await using forwarder = await CurveForwarder.start(new Map());
    const began = performance.now();
    await using client = new Client({ ...forwarder.addresses, security: securityOf(keys) });
    void client.emitter.emit('event', 'kept');
    const told = await client.errors.first(2);
    expect(performance.now() - began).toBeLessThan(SOON_MS);
    for (const right of ['publish', 'subscribe']) {
      const error = told.find(({ message }) => message.includes(`\`${right}\``));
      expect(error).toMatchObject({ type: 'security', code: 'DEMITTER_REFUSED' });
      expect(error?.message).toContain(formatKey(keys.publicKey));
      expect(error?.message).not.toContain(formatKey(keys.secretKey.bytes));
    }
    // So long that it is refused again.
    await expect(client.emitter.ready({ timeout: 2_500 })).rejects.toMatchObject({
      code: 'DEMITTER_READY_TIMEOUT',
      cause: { code: 'DEMITTER_REFUSED' },
    });
    expect(client.errors.all).toHaveLength(2);
    // It asked again, but at most once a second.
    const asked = forwarder.answers.filter((answer) => answer === 'publish 400').length;
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThanOrEqual(1 + (performance.now() - began) / 1_000);
    await forwarder.grant(new Map([[keys, 'both']]));
    const granted = performance.now();
    await client.emitter.ready();
    expect(performance.now() - granted).toBeLessThan(SOON_MS);
    expect(client.errors.all).toHaveLength(2);
  });

  it('that may only subscribe is told that it may not publish', async () => {
    const keys = clientKeys();
    await using forwarder = await CurveForwarder.start(new Map([[keys, 'subscribe']]));
    await using client = new Client({ ...forwarder.addresses, security: securityOf(keys) });
    const [error] = await client.errors.first(1);
    expect(error).toMatchObject({ code: 'DEMITTER_REFUSED', type: 'security' });
    expect(error?.message).toMatch(/XSUB.*right `publish` or `both`/);
  });

  it('that is revoked is told of the outage, and then why it does not get in again', async () => {
    const keys = clientKeys();
    await using forwarder = await CurveForwarder.start(new Map([[keys, 'both']]));
    await using client = new Client({ ...forwarder.addresses, security: securityOf(keys) });
    await client.emitter.ready();
    await forwarder.kill();
    await forwarder.start(new Map());
    const began = performance.now();
    const errors = await client.errors.first(3);
    expect(performance.now() - began).toBeLessThan(SOON_MS);
    expect(errors.map(({ code }) => code)).toEqual([
      'DEMITTER_NETWORK',
      'DEMITTER_REFUSED',
      'DEMITTER_REFUSED',
    ]);
    expect(client.emitter.status).toBe('reconnecting');
  });

  it("with another one's server key is told to compare it", async () => {
    await using forwarder = await CurveForwarder.start(new Map([['others', 'both']]));
    const security = securityOf(clientKeys(makeKeyPair()));
    await using client = new Client({ ...forwarder.addresses, security });
    const [error] = await client.errors.first(1);
    expect(error).toMatchObject({ type: 'security', code: 'DEMITTER_CURVE' });
    expect(error?.message).toContain("is `serverKey` the forwarder's public key?");
  });

  it('does not talk to a forwarder without keys', async () => {
    await using forwarder = await CurveForwarder.start(new Map([['anybody', 'both']]), 'none');
    await using client = new Client({ ...forwarder.addresses, security: securityOf(clientKeys()) });
    const [error] = await client.errors.first(1);
    expect(error).toMatchObject({ type: 'security', code: 'DEMITTER_CURVE' });
    expect(error?.message).toMatch(/mechanism NULL.*--secret-key-file/);
  });

  it('shows its secret key nowhere', async () => {
    const keys = clientKeys();
    await using forwarder = await CurveForwarder.start(new Map());
    const client = new Client({ ...forwarder.addresses, security: securityOf(keys) });
    await client.errors.first(2);
    const shown = [
      inspect(client.emitter, { depth: 20, showHidden: true }),
      JSON.stringify(client.emitter),
      ...client.errors.all.map((error) => inspect(error, { depth: 20, showHidden: true })),
    ].join('\n');
    for (const secret of [keys.secretKey.bytes, SERVER.secretKey.bytes]) {
      expect(shown).not.toContain(formatKey(secret));
      expect(shown).not.toContain(secret.toString('hex'));
    }
    await client.emitter.close();
  });
});

describe('an emitter without keys', () => {
  it('is told what a forwarder with keys wants', async () => {
    await using forwarder = await CurveForwarder.start(new Map());
    await using client = new Client(forwarder.addresses);
    const [error] = await client.errors.first(1);
    expect(error).toMatchObject({ type: 'security', code: 'DEMITTER_CURVE' });
    expect(error?.message).toMatch(
      /mechanism CURVE.*security: \{ serverKey, secretKey \}.*DEMITTER_SERVER_KEY/,
    );
  });

  it('whose address is refused is told so, and how to change it', async () => {
    await using forwarder = await CurveForwarder.start(new Map(), 'none');
    await using client = new Client(forwarder.addresses);
    const [error] = await client.errors.first(1);
    expect(error).toMatchObject({ type: 'security', code: 'DEMITTER_REFUSED' });
    expect(error?.message).toMatch(/refuses connections from this address.*--allow/);
  });
});
