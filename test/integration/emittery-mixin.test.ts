import Emittery from 'emittery';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { Bus } from '../support/bus.js';
import { errorOf, untyped } from '../support/emittery-settings.js';
import { Peer } from '../support/peer.js';

type Mixed = Record<string, (...args: unknown[]) => unknown> & { readonly emitter: DistributedEmitter };

let bus: Bus;
beforeAll(async () => {
  bus = await Bus.start();
});
afterAll(() => bus[Symbol.asyncDispose]());
beforeEach(() => {
  vi.stubEnv('XSUB_ADDRESS', bus.addresses.xsubAddress);
  vi.stubEnv('XPUB_ADDRESS', bus.addresses.xpubAddress);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

for (const [name, Class] of [
  ['Emittery', Emittery],
  ['DistributedEmitter', DistributedEmitter],
] as const) {
  describe(`mixin() - ${name}`, () => {
    test('puts one emitter into each instance, and methods that call it', async () => {
      class Shop {
        readonly label: string;
        constructor(label: string) {
          this.label = label;
        }
      }
      const MixedShop = Class.mixin('emitter', ['on', 'emit', 'listenerCount'])(Shop);
      expect(MixedShop).toBe(Shop);
      const one = new MixedShop('one') as unknown as Mixed;
      const other = new MixedShop('other') as unknown as Mixed;
      const seen: unknown[] = [];
      one.on?.('sold', (what: unknown) => void seen.push(what));
      await one.emit?.('sold', 'chair');
      await other.emit?.('sold', 'table');
      expect(seen).toEqual(['chair']);
      expect(one).toMatchObject({ label: 'one' });
      expect(one.emitter).toBeInstanceOf(Class);
      expect(one.emitter).toBe(one.emitter);
      expect(one.emitter).not.toBe(other.emitter);
      expect([one.listenerCount?.(), other.listenerCount?.()]).toEqual([1, 0]);
      expect(Object.keys(one)).toEqual(['label']);
      for (const { emitter } of [one, other]) await emitter.close?.();
    });

    test('a symbol may name the property, and all methods are mixed in if none are named', async () => {
      class Shop {}
      const property = Symbol('emitter');
      Class.mixin(property)(Shop);
      const methods = Object.getOwnPropertyNames(Emittery.prototype);
      expect(Reflect.ownKeys(Shop.prototype).sort(bySpelling)).toEqual(
        [...methods, property].sort(bySpelling),
      );
      const shop = new Shop() as { [property]: DistributedEmitter };
      expect(shop[property]).toBeInstanceOf(Class);
      await shop[property].close?.();
    });

    test('refuses what Emittery refuses, in the same words', async () => {
      const misuses: [methodNames: unknown, target: unknown][] = [
        [null, class {}],
        ['on', class {}],
        [{}, class {}],
        [[null], class {}],
        [[1], class {}],
        [['nonexistent'], class {}],
        [['on'], 'no class'],
        [undefined, null],
        [undefined, undefined],
        [undefined, {}],
        [
          ['on'],
          class {
            on() {}
          },
        ],
      ];
      for (const [methodNames, target] of misuses) {
        const mix = (Mixer: typeof Emittery) =>
          Mixer.mixin('emitter', methodNames as string[])(target as never);
        const expected = await errorOf(() => mix(Emittery));
        const failure = await errorOf(() => mix(Class as typeof Emittery));
        expect([failure.constructor, failure.message]).toEqual([expected.constructor, expected.message]);
      }
    });
  });
}

function bySpelling(a: string | symbol, b: string | symbol): number {
  return String(a) < String(b) ? -1 : 1;
}

describe('mixin() across processes', () => {
  test('instances emit to other processes and hear from them', async () => {
    class Shop {}
    DistributedEmitter.mixin('emitter')(Shop);
    const shop = new Shop() as unknown as Mixed;
    await using peer = await Peer.start(bus.addresses);
    await peer.listen('on', 'sold');
    await peer.ready();
    const ordered = shop.once?.('ordered');
    await shop.emitter.ready();
    await shop.emit?.('sold', 'chair');
    await peer.emit('ordered', 'table');
    expect(await ordered).toBe('table');
    await peer.sawAtLeast(1);
    expect(peer.seen).toEqual([{ via: 'on', data: 'chair', name: null }]);
    await shop.emitter.close();
  });

  test('bindMethods() - bound methods emit to other processes and hear from them', async () => {
    await using emitter = await bus.emitter();
    const target: Record<string, unknown> = {};
    emitter.bindMethods(target, ['once', 'emit']);
    await using peer = await Peer.start(bus.addresses);
    await peer.listen('on', 'sold');
    await peer.ready();
    const ordered = untyped(target).once?.('ordered');
    await emitter.ready();
    await untyped(target).emit?.('sold', 'chair');
    await peer.emit('ordered', 'table');
    expect(await ordered).toBe('table');
    await peer.sawAtLeast(1);
    expect(peer.seen.map(({ data }) => data)).toEqual(['chair']);
  });

  test('an instance closed while it connects leaves nothing unhandled', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    class Shop {}
    DistributedEmitter.mixin('emitter')(Shop);
    const { emitter } = new Shop() as unknown as Mixed;
    expect(emitter.status).toBe('connecting');
    await emitter.close();
    await new Promise(setImmediate);
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });
});
