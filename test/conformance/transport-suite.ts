/**
 * The transport contract (src/transport/transport.ts) as tests. A driver that passes them can carry Demitter:
 *
 *     describeTransport('my driver', { start: async () => myBus });
 *
 * The tests are grouped in files by subject; what a driver does not support, by its own manifest, is left out.
 */
import { describe, expect, it } from 'vitest';
import type { Rights } from '../../src/rights.js';
import type { Transport, TransportSupport } from '../../src/transport/transport.js';
import { describeFlow } from './transport-flow.js';
import { describeLifecycle } from './transport-lifecycle.js';
import { describeReconnection } from './transport-reconnection.js';
import { describeRights } from './transport-rights.js';
import { describeSilence } from './transport-silence.js';
import { describeSubscriptions } from './transport-subscriptions.js';

/** A bus that nobody else is on, for one test. */
export interface TransportBus extends AsyncDisposable {
  /** A new transport on this bus, not opened. */
  create(options?: { readonly maxMessageBytes?: number; readonly rights?: Rights }): Transport;
  /** Where `supports.reconnects`: breaks every link. No link can be made until `restart`. */
  stop?(): Promise<void>;
  restart?(): Promise<void>;
}

/** A bus whose links can be made to carry nothing, without a word to either end. */
export interface SilentBus extends TransportBus {
  silence(way: string): void;
  /** What was held flows on. */
  heal(): void;
}

export interface SilenceHarness {
  /** All that can fall silent on its own, each by a name: links, their directions. */
  readonly ways: readonly string[];
  start(): Promise<SilentBus>;
}

export interface TransportHarness {
  /** What every transport of this driver says of itself. */
  readonly supports: TransportSupport;
  start(): Promise<TransportBus>;
  /** Where `supports.reconnects`, if the harness can do it. */
  readonly silence?: SilenceHarness;
}

/** Of the transports that {@link TransportBus.create} makes, if not said otherwise. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export function describeTransport(name: string, harness: TransportHarness): void {
  describe(`transport ${name}`, () => {
    it('supports - says what the harness expects', async () => {
      await using bus = await harness.start();
      expect(bus.create().supports).toEqual(harness.supports);
    });

    describeSubscriptions(harness);
    describeFlow(harness);
    describeLifecycle(harness);
    describeRights(harness);
    if (harness.supports.reconnects) describeReconnection(harness);
    if (harness.silence !== undefined) describeSilence(harness.silence);
  });
}
