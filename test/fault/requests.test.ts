/**
 * Requests in faults. Each ends, in its time, with its own answer or a clear code; no handler is called twice for one; and what
 * was asked is judged by the oracle as other events are.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RequestOptions } from '../../src/request-options.js';
import type { Addresses } from '../support/fault-cluster.js';
import { byForm, tellFigures } from '../support/fault-form.js';
import { type FaultWay, FaultWays } from '../support/fault-way.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { summary } from '../support/oracle.js';
import {
  type Outcomes,
  proveAsked,
  type RequestMember,
  RequestPeer,
  total,
} from '../support/request-peer.js';

const NAMES = ['ask:0', 'ask:1', 'ask:2'];
const REQUESTS_PER_SECOND = 600;
/** For timers that are late on a busy machine. */
const GRACE_MS = 1000;

/** Requesters in two processes, and responders in two. */
class Company implements AsyncDisposable {
  readonly requesters: RequestMember[] = [];
  readonly responders: RequestMember[] = [];
  readonly #peers: RequestPeer[] = [];

  static async start(requesters: readonly Addresses[], responders: readonly Addresses[]): Promise<Company> {
    const company = new Company();
    const peers = await Promise.all(Array.from({ length: 4 }, () => RequestPeer.start()));
    company.#peers.push(...peers);
    try {
      for (const [i, addresses] of requesters.entries())
        company.requesters.push(await (peers[i % 2] as RequestPeer).create(addresses));
      for (const [i, addresses] of responders.entries()) {
        const responder = await (peers[2 + (i % 2)] as RequestPeer).create(addresses);
        await responder.respond(NAMES);
        company.responders.push(responder);
      }
      // From here on, answers arrive.
      for (const requester of company.requesters) await requester.flood(NAMES, 1);
    } catch (error) {
      await company[Symbol.asyncDispose]();
      throw error;
    }
    return company;
  }

  async startLoad(options: RequestOptions): Promise<void> {
    const rate = REQUESTS_PER_SECOND / this.requesters.length;
    await Promise.all(this.requesters.map((requester) => requester.load(NAMES, rate, options)));
  }

  /** Resolves when every request has ended. */
  async stopLoad(): Promise<Omit<Outcomes, 'by'>> {
    const outcomes = await Promise.all(this.requesters.map((requester) => requester.stopLoad()));
    for (const { made } of outcomes) expect(made).toBeGreaterThan(100);
    return total(outcomes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer[Symbol.asyncDispose]()));
  }
}

const ofEach = (addresses: Addresses, count: number) => Array.from({ length: count }, () => addresses);

const RESTARTS = { short: 3, long: 30 };
const UP_MS = [300, 100, 700];
const DOWN_MS = [50, 1000, 300, 5];

test('forwarder killed and restarted: every request is answered, by its own answer', async () => {
  const cycles = byForm(RESTARTS);
  await using forwarder = await ForwarderProcess.start();
  await using company = await Company.start(ofEach(forwarder.addresses, 3), ofEach(forwarder.addresses, 3));
  await company.startLoad({ timeout: 20_000 });
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    await lasting(UP_MS[cycle % UP_MS.length]);
    await forwarder.kill();
    await lasting(DOWN_MS[cycle % DOWN_MS.length]);
    await forwarder.start();
  }
  await lasting(300);
  const outcomes = await company.stopLoad();
  const verdict = await proveAsked(company.requesters, company.responders);
  tellFigures('requests, forwarder killed and restarted', {
    cycles,
    requests: outcomes.made,
    answered: outcomes.answered,
    'longest, ms': Math.round(outcomes.longestMs),
    asked: summary(verdict),
  });
  expect(outcomes).toMatchObject({ answered: outcomes.made, mixedUp: 0, rejected: {} });
});

test('forwarder away for longer than requests wait: each ends in its time, and nobody is asked twice', async () => {
  const cycles = byForm({ short: 1, long: 10 });
  const timeout = 300;
  await using forwarder = await ForwarderProcess.start();
  await using company = await Company.start(ofEach(forwarder.addresses, 2), ofEach(forwarder.addresses, 2));
  await company.startLoad({ timeout });
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    await lasting(300);
    await forwarder.kill();
    await lasting(1000);
    await forwarder.start();
    await lasting(700);
  }
  const outcomes = await company.stopLoad();
  const { made, answered, mixedUp, rejected, longestMs } = outcomes;
  // They were asked all the same, later.
  const verdict = await proveAsked(company.requesters, company.responders);
  tellFigures('requests with a short timeout, forwarder away', {
    cycles,
    requests: made,
    answered,
    ...rejected,
    asked: summary(verdict),
  });
  const { DEMITTER_TIMEOUT: timedOut = 0, ...others } = rejected;
  expect({ mixedUp, others, sum: answered + timedOut }).toEqual({ mixedUp: 0, others: {}, sum: made });
  expect(answered).toBeGreaterThan(0);
  expect(timedOut).toBeGreaterThan(0);
  expect(longestMs).toBeLessThan(timeout + GRACE_MS);
});

interface Disturbance {
  readonly title: string;
  readonly short: readonly number[];
  readonly long: readonly number[];
  begin(way: FaultWay): void;
  end(way: FaultWay): void;
}

const heal = (way: FaultWay): void => {
  for (const proxy of way.proxies) proxy.heal();
};

const DISTURBANCES: readonly Disturbance[] = [
  {
    title: 'cut off, then healed',
    short: [400],
    long: [200, 4000, 1000, 6000],
    begin: (way) => {
      for (const proxy of way.proxies) proxy.partition();
    },
    end: heal,
  },
  {
    title: 'cut off, then reset',
    short: [1000],
    long: [500, 3000, 5000],
    begin: (way) => {
      for (const proxy of way.proxies) proxy.partition();
    },
    end: (way) => {
      for (const proxy of way.proxies) proxy.cut();
      heal(way);
    },
  },
  ...(['toTarget', 'toClient'] as const).map((direction) => ({
    title: `half-open, nothing ${direction === 'toTarget' ? 'goes out' : 'comes in'}`,
    short: direction === 'toClient' ? [3000] : [],
    long: [3000, 1000, 5000],
    begin: (way: FaultWay) => {
      for (const proxy of way.proxies) proxy.silence(direction);
    },
    end: heal,
  })),
];

for (const { title, begin, end, ...forms } of DISTURBANCES) {
  const disturbances = byForm(forms);
  if (disturbances.length === 0) continue;
  test(`a requester and a responder ${title}: every request is answered, by its own answer`, async () => {
    await using forwarder = await ForwarderProcess.start();
    await using ways = await FaultWays.to(forwarder.addresses, 2);
    const [first, second] = ways.all as [FaultWay, FaultWay];
    const { addresses } = forwarder;
    await using company = await Company.start([first.addresses, addresses], [second.addresses, addresses]);
    await company.startLoad({ timeout: 20_000 });
    for (const ms of disturbances) {
      await lasting(300);
      for (const way of ways.all) begin(way);
      await lasting(ms);
      for (const way of ways.all) end(way);
      await lasting(byForm({ short: 300, long: 1000 }));
    }
    const outcomes = await company.stopLoad();
    const verdict = await proveAsked(company.requesters, company.responders);
    tellFigures(`requests, ${title}`, {
      disturbances: disturbances.length,
      requests: outcomes.made,
      answered: outcomes.answered,
      'longest, ms': Math.round(outcomes.longestMs),
      asked: summary(verdict),
    });
    expect(outcomes).toMatchObject({ answered: outcomes.made, mixedUp: 0, rejected: {} });
  });
}

test('responders replaced one after another under load: no request fails', async () => {
  const rounds = byForm({ short: 3, long: 20 });
  await using forwarder = await ForwarderProcess.start();
  await using asking = await RequestPeer.start();
  const requester = await asking.create(forwarder.addresses);
  let generation = await RequestPeer.start();
  try {
    let responder = await generation.create(forwarder.addresses);
    await responder.respond(NAMES, 20);
    await requester.flood(NAMES, 1);
    await requester.load(NAMES, 300, { timeout: 20_000 });
    for (let round = 0; round < rounds; round += 1) {
      const next = await RequestPeer.start();
      const successor = await next.create(forwarder.addresses);
      // The last is longer than it takes to find out whether somebody else is at work.
      const workMs = [20, 200, 1500][round % 3] as number;
      await successor.respond(NAMES, workMs);
      // What only the old one was asked has been answered by then.
      await lasting(1500 + 300);
      await responder.close();
      expect(await responder.errors()).toEqual({});
      await generation[Symbol.asyncDispose]();
      [generation, responder] = [next, successor];
    }
    const outcomes = await requester.stopLoad();
    tellFigures('responders replaced', { rounds, requests: outcomes.made, answered: outcomes.answered });
    expect(outcomes).toMatchObject({ answered: outcomes.made, mixedUp: 0, rejected: {} });
  } finally {
    await generation[Symbol.asyncDispose]();
  }
});
