/**
 * The ledger: what every service says it sent and received, and whether the two agree.
 *
 * For each pair of services: of what one emitted, all that the other listens to must have arrived, once, in order.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EventName } from './events.js';
import type { Report } from './service.js';

interface Entry {
  readonly event: EventName;
  readonly data: unknown;
}

class Account {
  readonly sent: Entry[] = [];
  readonly received: Entry[] = [];
  /** How many of each, because both lists become long. */
  readonly counts = { sent: new Map<EventName, number>(), received: new Map<EventName, number>() };
  listensTo: ReadonlySet<EventName> = new Set();
  finished = false;
}

/** What became of one service's events at another. */
export interface Passage {
  readonly from: string;
  readonly to: string;
  readonly emitted: number;
  readonly arrived: number;
  readonly exact: boolean;
}

export class Ledger {
  readonly #accounts = new Map<string, Account>();

  constructor(names: readonly string[]) {
    for (const name of names) this.#accounts.set(name, new Account());
  }

  record(name: string, report: Report): void {
    const account = this.#accounts.get(name);
    if (account === undefined) return;
    if (report.type === 'ready') account.listensTo = new Set(report.listensTo);
    else if (report.type === 'finished') account.finished = true;
    else {
      const { type, event, data } = report;
      account[type].push({ event, data });
      account.counts[type].set(event, (account.counts[type].get(event) ?? 0) + 1);
    }
  }

  /** Everybody did their work, and as many events arrived as were sent. */
  get complete(): boolean {
    const accounts = [...this.#accounts.values()];
    return accounts.every(
      ({ finished, listensTo, counts }) =>
        finished &&
        [...listensTo].every((event) => {
          const sent = accounts.reduce((sum, other) => sum + (other.counts.sent.get(event) ?? 0), 0);
          return sent === (counts.received.get(event) ?? 0);
        }),
    );
  }

  /** One line for each pair of services that had something to say. */
  passages(): Passage[] {
    return this.#pairs()
      .map(([fromName, from, toName, to]) => {
        const expected = expectedOf(from, to);
        const arrived = arrivedFrom(from, to);
        return {
          from: fromName,
          to: toName,
          emitted: expected.length,
          arrived: arrived.length,
          exact: isDeepStrictEqual(expected, arrived),
        };
      })
      .filter(({ emitted, arrived }) => emitted + arrived > 0);
  }

  #pairs(): [string, Account, string, Account][] {
    const accounts = [...this.#accounts];
    return accounts.flatMap(([fromName, from]) =>
      accounts
        .filter(([toName]) => toName !== fromName)
        .map(([toName, to]): [string, Account, string, Account] => [fromName, from, toName, to]),
    );
  }
}

function expectedOf(from: Account, to: Account): Entry[] {
  return from.sent.filter(({ event }) => to.listensTo.has(event));
}

/** No two services of the demo emit the same event, so the name says who it came from. */
function arrivedFrom(from: Account, to: Account): Entry[] {
  const events = new Set(from.sent.map(({ event }) => event));
  return to.received.filter(({ event }) => events.has(event));
}
