/** What an outbox writes down, for tests that need no more of it. Tails go nowhere. */
import { Channels } from '../../src/delivery/sending/channels.js';
import { History, type HistoryOptions } from '../../src/delivery/sending/history.js';
import type { OutboxRecords } from '../../src/delivery/sending/outbox.js';
import { TailMarker } from '../../src/delivery/sending/tail-marker.js';

const ALL_FOR_EVER: HistoryOptions = { historyBytes: 1e9, historyAge: 1e9 };

export function outboxRecords(now: () => number, options = ALL_FOR_EVER): OutboxRecords {
  const channels = new Channels();
  const link = { send: () => true, flush() {} };
  return {
    channels,
    history: new History(options, now),
    tailMarker: new TailMarker(0, channels, link, now),
  };
}
