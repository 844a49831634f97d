/**
 * An event loop that stands still for seconds, under full traffic: the process goes on where it was, nothing is lost or
 * told, and nobody else takes it for an outage.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { byForm, tellFigures } from '../support/fault-form.js';
import { proveSettled } from '../support/fault-peer.js';
import { FaultStage, rotation } from '../support/fault-stage.js';
import { summary } from '../support/oracle.js';

interface Case {
  readonly seconds: number;
  readonly subscriber: boolean;
  readonly publisher: boolean;
  readonly names: readonly string[];
  /** How many times in a row. */
  readonly short: number;
  readonly long: number;
}

const EVENTS_PER_SECOND = 40_000;
/** Batches of one name: they all fit into what the forwarder and the kernel keep. */
const ONE = ['flow'];
/** A message for each event: more than the forwarder keeps, so that it takes the history as well. */
const FOUR = rotation(4);

/** 20 in the long form. */
const CASES: readonly Case[] = [
  { seconds: 3, subscriber: true, publisher: false, names: ONE, short: 0, long: 3 },
  { seconds: 3, subscriber: true, publisher: false, names: FOUR, short: 0, long: 3 },
  { seconds: 3, subscriber: false, publisher: true, names: ONE, short: 0, long: 2 },
  { seconds: 3, subscriber: true, publisher: true, names: FOUR, short: 1, long: 1 },
  { seconds: 10, subscriber: true, publisher: false, names: ONE, short: 0, long: 2 },
  { seconds: 10, subscriber: true, publisher: false, names: FOUR, short: 0, long: 2 },
  { seconds: 10, subscriber: false, publisher: true, names: FOUR, short: 0, long: 2 },
  { seconds: 10, subscriber: true, publisher: true, names: ONE, short: 0, long: 1 },
  { seconds: 30, subscriber: true, publisher: false, names: ONE, short: 0, long: 2 },
  { seconds: 30, subscriber: false, publisher: true, names: ONE, short: 0, long: 1 },
  { seconds: 30, subscriber: true, publisher: true, names: ONE, short: 0, long: 1 },
];

/** Before, between and after. */
const FLOW_MS = 500;

for (const { seconds, subscriber, publisher, names, ...forms } of CASES) {
  const times = byForm(forms);
  if (times === 0) continue;
  const who = [subscriber ? 'a subscriber' : [], publisher ? 'a publisher' : []].flat().join(' and ');
  const title = `${who} blocked for ${seconds} s, ${names.length === 1 ? 'one name' : 'four names'}`;
  test(title, async () => {
    await using stage = await FaultStage.start();
    const publishers = await stage.emitters('publisher', 2);
    const subscribers = await stage.emitters('subscriber', 3, { listensTo: names });
    const victims = [
      subscriber ? subscribers.slice(0, 1) : [],
      publisher ? publishers.slice(0, 1) : [],
    ].flat();
    const others = [...publishers, ...subscribers].filter((emitter) => !victims.includes(emitter));
    const manner = { rate: EVENTS_PER_SECOND / publishers.length };
    const loads = publishers.map((emitter) => emitter.load({ names, manner }));
    for (let i = 0; i < times; i += 1) {
      await lasting(FLOW_MS);
      await Promise.all(victims.map(({ peer }) => peer.block(seconds * 1000)));
    }
    await lasting(FLOW_MS);
    await Promise.all(publishers.map((emitter) => emitter.stopLoad()));
    await Promise.all(loads);
    const verdict = await proveSettled(publishers, subscribers, { told: 'none' });
    const outages = async (emitters: typeof others) => {
      const journals = await Promise.all(emitters.map((emitter) => emitter.journal()));
      return journals.flatMap(({ statuses }) => statuses.filter(({ status }) => status === 'reconnecting'));
    };
    tellFigures(title, {
      times,
      events: summary(verdict),
      'outages of others': (await outages(others)).length,
      'outages of its own': (await outages(victims)).length,
    });
    expect(verdict.refused).toBe(0);
    expect(await outages(others)).toEqual([]);
  });
}
