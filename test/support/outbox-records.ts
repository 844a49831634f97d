/** What an outbox writes down, for tests of the outbox alone: all that is sent is kept, and tails go nowhere. */
import { Channels } from '../../src/delivery/channels.js';
import { History } from '../../src/delivery/history.js';
import type { OutboxRecords } from '../../src/delivery/outbox.js';
import { TailMarker } from '../../src/delivery/tail-marker.js';

export function outboxRecords(now: () => number): OutboxRecords {
  const channels = new Channels();
  const link = { send: () => true, flush() {} };
  return {
    channels,
    history: new History({ historyBytes: 1e9, historyAge: 1e9 }, now),
    tailMarker: new TailMarker(0, channels, link, now),
  };
}
