/**
 * The promise, against any sequence of faults: whole emitters on a bus that loses messages, breaks links and stalls
 * ends, with a clock of its own. fast-check looks for the sequence that breaks it, and shrinks it.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import type { DistributedEmitterOptions } from '../../src/options.js';
import { byForm } from '../support/fault-form.js';
import { FaultyBus, type FaultyEnd } from '../support/faulty-bus.js';
import { seededRandom } from '../support/mutations.js';

/** Names, outside of channels and in some. */
const PLACES: readonly Place[] = [
  { name: 'a' },
  { name: 'b' },
  { name: 'c' },
  { name: 1 },
  { name: '' },
  { name: 'p:x' },
  { name: 'p:\0' },
  { channel: 'room', name: 'a' },
  { channel: 'room', name: 'p:x' },
  { channel: '', name: 'a' },
];

interface Place {
  readonly channel?: string;
  readonly name: string | number;
}

const PATTERN = 'p:*';
const EMITTERS = 4;

type Step =
  | { readonly do: 'emit'; readonly by: number; readonly names: readonly number[]; readonly awaited: boolean }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'lose'; readonly end: number; readonly out: number; readonly in: number }
  | { readonly do: 'disconnect' | 'connect' | 'stall' | 'resume'; readonly end: number };

const end = fc.nat(EMITTERS - 1);
const name = fc.nat(PLACES.length - 1);
const emission = fc.record({
  do: fc.constant('emit' as const),
  by: end,
  names: fc.oneof(
    fc.array(name, { minLength: 1, maxLength: 40 }),
    // Enough to overrun a stalled end's queue.
    fc
      .tuple(name, fc.integer({ min: 50, max: 150 }))
      .map(([first, count]) => Array.from({ length: count }, (_, i) => (first + i) % PLACES.length)),
  ),
  awaited: fc.boolean(),
});
const pause = fc.record({ do: fc.constant('wait' as const), ms: fc.nat(3000) });
const fault = fc.record({
  do: fc.constantFrom('disconnect' as const, 'connect' as const, 'stall' as const, 'resume' as const),
  end,
});
const losses = fc.record({
  do: fc.constant('lose' as const),
  end,
  out: fc.constantFrom(0, 0, 0.05, 0.3),
  in: fc.constantFrom(0, 0, 0.05, 0.3),
});

/** What an emitter listens to: everything, through `onAny`; what matches a pattern, in and outside of channels; or some names. */
type Listened = 'any' | 'pattern' | readonly number[];

const interests = fc.array(
  fc.oneof(fc.constantFrom('any' as const, 'pattern' as const), fc.uniqueArray(name)),
  {
    minLength: EMITTERS,
    maxLength: EMITTERS,
  },
);

interface Scenario {
  readonly listens: readonly Listened[];
  readonly steps: readonly Step[];
  readonly seed: number;
  readonly options?: DistributedEmitterOptions;
  /** Messages are lost one by one, without anything that would hint at it. */
  readonly hasSilentLosses?: boolean;
}

beforeEach(() => {
  vi.useFakeTimers({
    toFake: [
      'performance',
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'setImmediate',
      'clearImmediate',
    ],
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

interface Event {
  readonly from: number;
  /** Its number among all events of its emitter, and among those of its name. */
  readonly n: number;
  readonly k: number;
}

/** What one emitter received of another. */
interface Account {
  /** Numbers over all names, in order of delivery. */
  readonly all: number[];
  readonly byPlace: Map<string, { k: number[]; told: number; isInexact: boolean }>;
}

class World {
  readonly emitters: DistributedEmitter[] = [];
  readonly ends: FaultyEnd[] = [];
  readonly accounts: Account[][] = [];
  readonly protocolErrors: DistributedError[] = [];
  readonly losses: string[] = [];
  readonly #emitted: { all: number; byPlace: Map<string, number> }[] = [];

  constructor({ seed, options = {} }: Scenario) {
    const random = seededRandom(seed);
    vi.spyOn(Math, 'random').mockImplementation(random);
    const bus = new FaultyBus(random);
    for (let i = 0; i < EMITTERS; i += 1) {
      const faultyEnd = bus.end();
      this.ends.push(faultyEnd);
      this.emitters.push(new DistributedEmitter({ ...options, transport: faultyEnd.factory }));
      this.#emitted.push({ all: 0, byPlace: new Map() });
      this.accounts.push(Array.from({ length: EMITTERS }, () => ({ all: [], byPlace: new Map() })));
    }
  }

  async start(listens: Scenario['listens']): Promise<void> {
    for (const [i, emitter] of this.emitters.entries()) {
      const listened = listens[i] as Scenario['listens'][number];
      const take = (place: Place, { from, n, k }: Event): void => {
        // No event comes back to who emitted it, and local listeners are Emittery's business.
        if (from === i) return;
        const account = this.accounts[i]?.[from] as Account;
        account.all.push(n);
        this.#of(account, keyOf(place)).k.push(k);
      };
      if (typeof listened === 'string') {
        for (const channel of new Set(PLACES.map((place) => place.channel))) {
          const takeNamed = (eventName: PropertyKey, event: unknown): void =>
            take(placeOf(eventName, channel), event as Event);
          const view = viewOf(emitter, channel);
          if (listened === 'any') view.onAny(takeNamed);
          else view.onPattern(PATTERN, takeNamed);
        }
      } else {
        for (const index of listened) {
          const place = placeAt(index);
          viewOf(emitter, place.channel).on(place.name, (event: unknown) => take(place, event as Event));
        }
      }
      emitter.on('distributed:error', (error: DistributedError) => {
        if (error.type === 'loss') {
          const from = this.emitters.findIndex(({ id }) => id === error.publisherId);
          const account = this.#of(
            this.accounts[i]?.[from] as Account,
            keyOf(placeOf(error.eventName as PropertyKey, error.channel)),
          );
          if (error.missed === undefined) account.isInexact = true;
          else account.told += error.missed;
          this.losses.push(`${from} → ${i}: ${error.message}`);
        } else if (error.type !== 'network') this.protocolErrors.push(error);
      });
      void emitter.connect();
    }
    await vi.advanceTimersByTimeAsync(100);
    for (const emitter of this.emitters) expect(emitter.status).toBe('ready');
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.do === 'wait') await vi.advanceTimersByTimeAsync(step.ms);
      else if (step.do === 'emit') await this.#emit(step.by, step.names, step.awaited);
      else {
        const faultyEnd = this.ends[step.end] as FaultyEnd;
        if (step.do === 'lose') Object.assign(faultyEnd.faults, { lossOut: step.out, lossIn: step.in });
        else if (step.do === 'stall') faultyEnd.faults.isStalled = true;
        else faultyEnd[step.do]();
      }
    }
  }

  /** Ends every fault and waits until everything that can come has come. */
  async settle(): Promise<void> {
    for (const faultyEnd of this.ends) {
      Object.assign(faultyEnd.faults, { lossOut: 0, lossIn: 0 });
      faultyEnd.connect();
      faultyEnd.resume();
    }
    await vi.advanceTimersByTimeAsync(40_000);
  }

  /** One more event of each name from everybody: whatever is missing shows. */
  async emitLast(): Promise<void> {
    for (const i of this.emitters.keys()) await this.#emit(i, [...PLACES.keys()], false);
    await vi.advanceTimersByTimeAsync(40_000);
  }

  async close(): Promise<void> {
    const closed = Promise.all(this.emitters.map((emitter) => emitter.close()));
    await vi.advanceTimersByTimeAsync(5000);
    await closed;
  }

  /** Every difference between what was emitted and what was delivered or told, in words. */
  verdict(listens: Scenario['listens'], { hasSilentLosses = false } = {}): string[] {
    const faults: string[] = [];
    for (const [i, accounts] of this.accounts.entries()) {
      const listened = listens[i] as Scenario['listens'][number];
      for (const [from, account] of accounts.entries()) {
        if (from === i) continue;
        const pair = `${from} → ${i}`;
        for (const [place, { k }] of account.byPlace)
          if (!isRising(k)) faults.push(`${pair} '${place}': not in order, or twice: ${k}`);
        // To who listens to some names, a batch that is lost without an outage looks like one of another name.
        if ((listened === 'any' || !hasSilentLosses) && !isRising(account.all))
          faults.push(`${pair}: not in order, or twice: ${account.all}`);
        for (const [index, place] of PLACES.entries()) {
          if (!listensTo(listened, index)) continue;
          const emitted = this.#emitted[from]?.byPlace.get(keyOf(place)) ?? 0;
          const { k, told, isInexact } = this.#of(account, keyOf(place));
          const isRight = isInexact ? k.length + told <= emitted : k.length + told === emitted;
          if (!isRight)
            faults.push(
              `${pair} '${keyOf(place)}': emitted ${emitted}, delivered ${k.length}, told ${isInexact ? 'some' : told}`,
            );
        }
      }
    }
    return [...faults, ...this.protocolErrors.map(({ message }) => message)];
  }

  async #emit(by: number, names: readonly number[], awaited: boolean): Promise<void> {
    const emitted = this.#emitted[by] as { all: number; byPlace: Map<string, number> };
    for (const index of names) {
      const place = placeAt(index);
      const k = emitted.byPlace.get(keyOf(place)) ?? 0;
      const emitter = this.emitters[by] as DistributedEmitter;
      const done = viewOf(emitter, place.channel).emit(place.name, { from: by, n: emitted.all, k });
      emitted.all += 1;
      emitted.byPlace.set(keyOf(place), k + 1);
      if (awaited) await done;
    }
    await vi.advanceTimersByTimeAsync(0);
  }

  #of({ byPlace }: Account, key: string) {
    const known = byPlace.get(key) ?? { k: [], told: 0, isInexact: false };
    byPlace.set(key, known);
    return known;
  }
}

const RUNS = byForm({ short: 120, long: 5000 });

describe('delivered and told is what was emitted, in order and once', () => {
  test('whatever is lost, broken or stalled', async () => {
    const steps = fc.array(fc.oneof(emission, emission, pause, fault, losses), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(interests, steps, fc.integer(), async (listens, sequence, seed) => {
        const world = await live({ listens, steps: sequence, seed, hasSilentLosses: true });
        expect(world.verdict(listens, { hasSilentLosses: true })).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  test('and everything is delivered where links break or ends stall, and nothing else is lost', async () => {
    const steps = fc.array(fc.oneof(emission, emission, pause, fault), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(interests, steps, fc.integer(), async (listens, sequence, seed) => {
        // Nobody gives up on a publisher that is stalled itself.
        const options = { recoveryTimeout: 60_000 };
        const world = await live({ listens, steps: sequence, seed, options });
        expect([...world.verdict(listens), ...world.losses]).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  test('with a history that holds next to nothing', async () => {
    const steps = fc.array(fc.oneof(emission, emission, pause, fault), { maxLength: 40 });
    const options = { historyBytes: 0 };
    await fc.assert(
      fc.asyncProperty(interests, steps, fc.integer(), async (listens, sequence, seed) => {
        const world = await live({ listens, steps: sequence, seed, options });
        expect(world.verdict(listens)).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });
});

async function live(scenario: Scenario): Promise<World> {
  const world = new World(scenario);
  await world.start(scenario.listens);
  await world.run(scenario.steps);
  await world.settle();
  if (scenario.hasSilentLosses === true) await world.emitLast();
  await world.close();
  return world;
}

function placeAt(index: number): Place {
  return PLACES[index] as Place;
}

function placeOf(name: PropertyKey, channel: string | undefined): Place {
  return PLACES.find((place) => place.name === name && place.channel === channel) as Place;
}

function keyOf({ channel, name }: Place): string {
  return JSON.stringify([name, channel]);
}

function viewOf(emitter: DistributedEmitter, channel: string | undefined) {
  return channel === undefined ? emitter : emitter.channel(channel);
}

function listensTo(listened: Listened, index: number): boolean {
  if (typeof listened !== 'string') return listened.includes(index);
  const { name } = placeAt(index);
  return listened === 'any' || (typeof name === 'string' && name.startsWith('p:'));
}

function isRising(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number));
}
