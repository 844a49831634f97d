/**
 * A soak: steady traffic for minutes while emitters join and leave. Whoever stays gets everything, and neither
 * memory nor handles grow.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { byForm, isLong, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, type FaultPeer, monotonicMs, proveSettled } from '../support/fault-peer.js';
import { FaultStage, rotation } from '../support/fault-stage.js';
import { summary } from '../support/oracle.js';
import { residentBytes, Trend } from '../support/process-memory.js';

const KIB = 1024;
const FORMS = {
  // A history of 60 s would still be filling when the short form ends.
  short: { durationMs: 8000, sampleMs: 200, stayMs: 300, historyAge: 1000 },
  long: { durationMs: 600_000, sampleMs: 2000, stayMs: 1000, historyAge: 60_000 },
};
/** Of the time; the rest is warm-up. */
const JUDGED = 0.7;
/**
 * Per second, which is 6 MiB in ten minutes; every joiner is remembered for a while by those it emitted to, and by this
 * test. Seconds tell little: the short form looks for leaks of the size of the traffic.
 */
const MAX_HEAP_SLOPE = isLong ? 10 * KIB : 1024 * KIB;
const MAX_RESIDENT_SLOPE = isLong ? 30 * KIB : 8192 * KIB;

const NAMES = rotation(5);
const EVENTS_PER_SECOND = 5000;
const PUBLISHERS = 2;
const SUBSCRIBERS = 3;
/** Joiners that are there at the same time. */
const LANES = 3;
/** What each of them emits before it leaves: under a name of the others. */
const JOINERS_EVENTS = 20;

/** One after another they join, listen, emit and leave, until `end`. */
async function joinAndLeave(stage: FaultStage, peer: FaultPeer, end: number, stayMs: number) {
  let joined = 0;
  let delivered = 0;
  const publications = [];
  while (monotonicMs() < end) {
    const joiner = await stage.emitter(peer, `joiner ${joined}`, { listensTo: NAMES });
    await joiner.load({ names: NAMES.slice(0, 1), count: JOINERS_EVENTS, manner: 'one turn' });
    await lasting(stayMs);
    delivered += await joiner.progress();
    publications.push(await joiner.publication());
    await joiner.leave();
    joined += 1;
  }
  return { joined, delivered, publications };
}

/** Heap after a collection, resident memory and handles of each process, until `end`. */
async function sample(watched: readonly Watched[], forwarder: number, end: number, sampleMs: number) {
  const ofForwarder = new Trend();
  while (monotonicMs() < end) {
    ofForwarder.add(await residentBytes(forwarder));
    for (const { peer, heap, resident, handles } of watched) {
      const { heapUsed, external, rss } = await peer.memory();
      heap.add(heapUsed + external);
      resident.add(rss);
      handles.push((await peer.activeResources()).filter((resource) => resource.includes('TCP')).length);
    }
    await lasting(sampleMs);
  }
  return ofForwarder;
}

/** Without pipes, which lead to this test. */
const handlesOf = (resources: readonly string[]) => resources.filter((resource) => resource !== 'PipeWrap');

class Watched {
  readonly heap = new Trend();
  readonly resident = new Trend();
  readonly handles: number[] = [];
  readonly peer: FaultPeer;

  constructor(peer: FaultPeer) {
    this.peer = peer;
  }
}

test('a soak', async () => {
  const { durationMs, sampleMs, stayMs, historyAge } = byForm(FORMS);
  const options = { historyAge };
  await using stage = await FaultStage.start();
  const publishers = await stage.emitters('publisher', PUBLISHERS, { options });
  const subscribers = await stage.emitters('subscriber', SUBSCRIBERS, { options, listensTo: NAMES });
  const ofJoiners = await stage.peer();
  const handlesBefore = await ofJoiners.activeResources();
  const stayers: FaultEmitter[] = [...publishers, ...subscribers];
  const watched = [...stayers.map(({ peer }) => peer), ofJoiners].map((peer) => new Watched(peer));
  const end = monotonicMs() + durationMs;
  const manner = { rate: EVENTS_PER_SECOND / PUBLISHERS };
  const loads = publishers.map((publisher) => publisher.load({ names: NAMES, manner }));
  const [forwarder, ...lanes] = await Promise.all([
    sample(watched, stage.forwarder.pid, end, sampleMs),
    ...Array.from({ length: LANES }, () => joinAndLeave(stage, ofJoiners, end, stayMs)),
  ]);
  await Promise.all(publishers.map((publisher) => publisher.stopLoad()));
  await Promise.all(loads);
  const gone = lanes.flatMap(({ publications }) => publications);
  const verdict = await proveSettled(publishers, subscribers, { told: 'none', gone });
  const heapSlopes = watched.map(({ heap }) => heap.slope(JUDGED));
  const residentSlopes = watched.map(({ resident }) => resident.slope(JUDGED));
  const perSecond = (slopes: readonly number[]) => slopes.map((slope) => (slope / KIB).toFixed(1)).join(', ');
  tellFigures(`a soak of ${durationMs / 60_000} minutes`, {
    events: summary(verdict),
    'joined and left': gone.length,
    'heap, KiB per second: 2 publishers, 3 subscribers, joiners': perSecond(heapSlopes),
    'resident, the same': perSecond(residentSlopes),
    'forwarder, resident': perSecond([forwarder.slope(JUDGED)]),
    'joiners got': lanes.reduce((total, { delivered }) => total + delivered, 0),
  });
  expect(Math.max(...heapSlopes)).toBeLessThan(MAX_HEAP_SLOPE);
  expect(Math.max(...residentSlopes, forwarder.slope(JUDGED))).toBeLessThan(MAX_RESIDENT_SLOPE);
  for (const { handles } of watched.slice(0, stayers.length)) expect(new Set(handles).size).toBe(1);
  expect(handlesOf(await ofJoiners.activeResources())).toEqual(handlesOf(handlesBefore));
});
