import { describe, expect, test } from 'vitest';
import { createDistributedEmitter, type DistributedEmitter } from '../../src/emitter.js';
import { createForwarder, type Forwarder } from '../../src/forwarder.js';
import { toPlainName } from '../support/names.js';
import { type EmitMethod, type ListenMethod, Peer } from '../support/peer.js';

const LISTEN: readonly ListenMethod[] = ['on', 'once', 'onAny', 'events', 'anyEvent'];
const EMIT: readonly EmitMethod[] = ['emit', 'emitSerial'];
const NAMES: readonly PropertyKey[] = ['user:login', '', 7, 0, Symbol.for('demitter.test')];

function addresses(forwarder: Forwarder) {
  return { xsubAddress: forwarder.xsubAddress, xpubAddress: forwarder.xpubAddress };
}

async function bus(): Promise<{ forwarder: Forwarder; emitter: DistributedEmitter } & AsyncDisposable> {
  const forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
  const emitter = await createDistributedEmitter(addresses(forwarder));
  return {
    forwarder,
    emitter,
    async [Symbol.asyncDispose]() {
      await emitter.close();
      await forwarder.close();
    },
  };
}

describe('an event emitted in one process reaches a listener in another', () => {
  for (const listen of LISTEN) {
    test(`${listen}() - for every kind of name, emitted with emit() and emitSerial()`, async () => {
      await using here = await bus();
      for (const emit of EMIT) {
        for (const name of NAMES) {
          await using peer = await Peer.start(addresses(here.forwarder));
          await peer.listen(listen, name);
          await peer.ready();
          await here.emitter[emit](name, { from: 'here' });
          await peer.sawAtLeast(1);
          const hasName = listen === 'onAny' || listen === 'anyEvent';
          expect(peer.seen).toEqual([
            { via: listen, data: { from: 'here' }, name: hasName ? toPlainName(name) : null },
          ]);
          expect(peer.errors).toEqual([]);
          expect(await peer.close()).toEqual({ code: 0, signal: null });
        }
      }
    });
  }
});
