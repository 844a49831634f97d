/** What an outbox writes down, for tests that need no more of it. Tails go nowhere. */

import { History, type HistoryOptions } from '../../src/delivery/sending/history.js';
import type { OutboxRecords } from '../../src/delivery/sending/outbox.js';
import { Publications } from '../../src/delivery/sending/publications.js';
import { TailMarker } from '../../src/delivery/sending/tail-marker.js';

const ALL_FOR_EVER: HistoryOptions = { historyBytes: 1e9, historyAge: 1e9 };

export function outboxRecords(now: () => number, options = ALL_FOR_EVER): OutboxRecords {
  const publications = new Publications();
  const link = { send: () => true, flush() {} };
  return {
    publications,
    history: new History(options, now),
    tailMarker: new TailMarker(0, publications, link, now),
  };
}
