/**
 * `forwarder: 'auto'`: the first process on the machine runs the forwarder, and when it ends another one takes over.
 *
 * There is no election: whoever binds the XSUB address has won, as the system gives it to one process only, and it
 * takes it from a process that dies. Everybody else connects. While a link is down, its process looks again and again
 * whether somebody listens, and binds if nobody does.
 *
 * The emitters of one thread that use the same addresses share one forwarder. Everything heavy (the native module) is
 * loaded when a forwarder is started here, not before: most processes only connect.
 */
import { type Endpoint, formatEndpoint, parseEndpoint, toBindable } from '../address.js';
import { DemitterError } from '../errors.js';
import type { Hosting } from '../hosting.js';
import { mayReceive, maySend, type Rights } from '../rights.js';
import { countConnections } from './connections.js';
import { isListening } from './listening.js';
import type { Environment } from './option-source.js';
import { resolveProxySettings } from './options.js';
import { lockPath, type PathLock } from './path-lock.js';
import type { Notice, ProxySettings, RunningProxy } from './settings.js';

export interface HostingOptions {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  /** The largest message that the emitter sends or takes, in bytes. */
  readonly maxMessageBytes: number;
  /** Which sides of the forwarder the emitter connects to. */
  readonly rights: Rights;
}

/** When to look whether a forwarder is missing: at random in between, so that not all bind at the same time. */
const FIRST_LOOK_MS = { min: 0, max: 60 };
const NEXT_LOOK_MS = { min: 50, max: 150 };
/** After attempts to bind that failed for another reason than a winner: seldom, as each costs native sockets. */
const MAX_LOOK_MS = 2000;

/**
 * Before a forwarder with connections is stopped: who else is about to close gets the time for it, and what it has
 * read from who closed already leaves it. Begun anew when one of them is gone, as many may close at the same time.
 */
const SETTLE_MS = 150;
const MAX_SETTLE_MS = 500;
const SETTLE_CHECK_MS = 10;

/** All of this thread, by their addresses. */
const forwarders = new Map<string, AutoForwarder>();

/**
 * A place for one emitter at the forwarder of its addresses. It has to be released.
 *
 * @throws TypeError for a bad environment variable.
 */
export function createHosting(options: HostingOptions): Hosting {
  return new Place(options);
}

/** `new`: not opened. `leaving`: its emitter has sent everything. */
type Phase = 'new' | 'open' | 'leaving' | 'released';

class Place implements Hosting {
  readonly #options: HostingOptions;
  /** Of a forwarder that is started for it. */
  readonly #settings: ProxySettings;
  #forwarder: AutoForwarder | undefined;
  #phase: Phase = 'new';
  #link: 'up' | 'down' = 'down';

  constructor(options: HostingOptions) {
    this.#options = options;
    // Here, where a bad environment variable is an error of whoever makes the emitter.
    this.#settings = settingsOf(options);
  }

  get isHosting(): boolean {
    return this.#forwarder?.isRunning ?? false;
  }

  get failure(): Error | undefined {
    return this.#forwarder?.failure;
  }

  get isLeaving(): boolean {
    return this.#phase === 'leaving';
  }

  /** How many connections its emitter has to each side. */
  get connections(): { readonly xsub: number; readonly xpub: number } {
    const { rights } = this.#options;
    const isUp = this.#link === 'up';
    return { xsub: isUp && maySend(rights) ? 1 : 0, xpub: isUp && mayReceive(rights) ? 1 : 0 };
  }

  /** One that leaves has sent everything: it does without. */
  get needsForwarder(): boolean {
    return this.#phase === 'open' && this.#link === 'down';
  }

  async open(): Promise<void> {
    if (this.#phase !== 'new') return;
    this.#phase = 'open';
    this.#forwarder = AutoForwarder.at(this.#options, this.#settings);
    this.#forwarder.places.add(this);
    await this.#forwarder.look();
  }

  setLink(link: 'up' | 'down'): void {
    this.#link = link;
    this.#forwarder?.linkChanged();
  }

  async handOver(deadline: number): Promise<(() => Promise<void>) | undefined> {
    if (this.#phase !== 'open') return undefined;
    this.#phase = 'leaving';
    return this.#forwarder?.handOver(this, deadline);
  }

  async release(): Promise<void> {
    this.#phase = 'released';
    await this.#forwarder?.leave(this);
  }
}

type State =
  /** Somebody else runs it, or nobody yet. */
  | { readonly name: 'client' }
  | { readonly name: 'looking'; readonly done: Promise<void> }
  | { readonly name: 'running'; readonly proxy: RunningProxy }
  /** It ran here, and is another process's business from now on. */
  | { readonly name: 'handed over'; readonly proxy: RunningProxy };

const CLIENT: State = { name: 'client' };

class AutoForwarder {
  readonly places = new Set<Place>();
  readonly #key: string;
  readonly #settings: ProxySettings;
  #state: State = CLIENT;
  #failure: Error | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Called when a place is left. */
  #onLeft = (): void => undefined;

  private constructor(key: string, settings: ProxySettings) {
    this.#key = key;
    this.#settings = settings;
  }

  static at({ xsubAddress, xpubAddress }: HostingOptions, settings: ProxySettings): AutoForwarder {
    const key = `${xsubAddress} ${xpubAddress}`;
    const forwarder = forwarders.get(key) ?? new AutoForwarder(key, settings);
    forwarders.set(key, forwarder);
    return forwarder;
  }

  get isRunning(): boolean {
    return this.#state.name === 'running';
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Starts a forwarder unless somebody listens. Never rejects. */
  look(): Promise<void> {
    if (this.#state.name === 'looking') return this.#state.done;
    if (this.#state.name !== 'client') return Promise.resolve();
    this.#cancelLook();
    const done = this.#look();
    this.#state = { name: 'looking', done };
    return done;
  }

  linkChanged(): void {
    if (this.#isNeeded) {
      this.#lookIn(FIRST_LOOK_MS);
      return;
    }
    this.#cancelLook();
    this.#failures = 0;
  }

  /** As {@link Hosting.handOver}. */
  async handOver(place: Place, deadline: number): Promise<(() => Promise<void>) | undefined> {
    this.linkChanged();
    // The last one to leave does it, when the others are gone that leave at the same time: they need the forwarder.
    if (this.#isKept) return undefined;
    while (this.places.size > 1 && performance.now() < deadline) await this.#left(deadline);
    if (this.#state.name === 'looking') await this.#state.done;
    if (this.#state.name !== 'running' || !(await this.#othersStay(place, deadline))) return undefined;
    const { proxy } = this.#state;
    // Somebody in this process may have come meanwhile.
    if (this.#isKept) return undefined;
    this.#state = { name: 'handed over', proxy };
    this.#forget();
    return () => proxy.stop();
  }

  async leave(place: Place): Promise<void> {
    this.places.delete(place);
    this.#onLeft();
    this.linkChanged();
    if (this.#state.name === 'looking') await this.#state.done;
    if (this.places.size > 0) return;
    this.#forget();
    if (this.#state.name === 'running') await this.#state.proxy.stop();
  }

  get #isNeeded(): boolean {
    return [...this.places].some((place) => place.needsForwarder);
  }

  /** Whether an emitter of this process stays. */
  get #isKept(): boolean {
    return [...this.places].some((place) => !place.isLeaving);
  }

  async #look(): Promise<void> {
    let next = CLIENT;
    try {
      if (!(await this.#isThere())) next = { name: 'running', proxy: await startProxy(this.#settings) };
      this.#failure = undefined;
      this.#failures = 0;
    } catch (error) {
      this.#failure = error as Error;
      this.#failures += 1;
    }
    this.#state = next;
    if (next.name === 'running') void next.proxy.ended.then((failure) => this.#ended(next, failure));
    else if (this.#isNeeded) this.#lookIn(NEXT_LOOK_MS);
  }

  /** The XSUB side decides: it is bound first. */
  #isThere(): Promise<boolean> {
    return isListening(this.#settings.xsub.endpoint);
  }

  #ended(state: State, failure: DemitterError | undefined): void {
    if (this.#state !== state) return;
    this.#state = CLIENT;
    this.#failure = failure;
    this.linkChanged();
  }

  #lookIn({ min, max }: { readonly min: number; readonly max: number }): void {
    if (this.#timer !== undefined || this.#state.name !== 'client') return;
    const delay = (min + Math.random() * (max - min)) * 2 ** Math.min(this.#failures, 10);
    this.#timer = setTimeout(() => void this.look(), Math.min(delay, MAX_LOOK_MS));
    // The emitter's own link keeps the process.
    this.#timer.unref();
  }

  #cancelLook(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #forget(): void {
    this.#cancelLook();
    if (forwarders.get(this.#key) === this) forwarders.delete(this.#key);
  }

  /** Resolves when a place is left, or at `deadline`. */
  #left(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
      this.#onLeft = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Whether others than `place` are connected, and stay so for a moment in which none of them leaves. */
  async #othersStay(place: Place, deadline: number): Promise<boolean> {
    const latest = Math.min(performance.now() + MAX_SETTLE_MS, deadline);
    let until = performance.now() + SETTLE_MS;
    for (let others = this.#countOthers(place); others > 0; ) {
      if (performance.now() >= Math.min(until, latest)) return true;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_CHECK_MS));
      const left = this.#countOthers(place);
      if (left < others) until = performance.now() + SETTLE_MS;
      others = left;
    }
    return false;
  }

  #countOthers(place: Place): number {
    const counts = (['xsub', 'xpub'] as const).map((side) => {
      const own = place.connections[side];
      // Where nobody can tell, somebody may be.
      return (countConnections(this.#settings[side].endpoint) ?? own + 1) - own;
    });
    return Math.max(...counts);
  }
}

function settingsOf({ xsubAddress, xpubAddress, maxMessageBytes }: HostingOptions): ProxySettings {
  const settings = resolveProxySettings(
    { xsubAddress: bindable(xsubAddress), xpubAddress: bindable(xpubAddress) },
    addressRules(process.env),
  );
  // Others may send larger events than this one.
  return { ...settings, maxMessageBytes: Math.max(settings.maxMessageBytes, maxMessageBytes) };
}

/** At an address of a network, it is protected as every forwarder is, and opened by the same variables. */
function addressRules({ DEMITTER_UNPROTECTED, DEMITTER_ALLOW }: Environment): Environment {
  return { DEMITTER_UNPROTECTED, DEMITTER_ALLOW };
}

function bindable(address: string): string {
  return formatEndpoint(toBindable(parseEndpoint(address) as Endpoint));
}

/** Binds and runs a forwarder. Rejects if another process is quicker. */
async function startProxy(settings: ProxySettings): Promise<RunningProxy> {
  const locks = await lockPaths([settings.xsub.endpoint, settings.xpub.endpoint]);
  const unlock = (): Promise<unknown> => Promise.all(locks.map((lock) => lock.release()));
  try {
    const { startProxy: start } = await import('./start-proxy.js');
    const proxy = await start(settings, warn);
    void proxy.ended.then(unlock);
    return proxy;
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** There is no log: what somebody ought to know is a warning of the process. */
function warn({ level, message }: Notice): void {
  if (level !== 'info') process.emitWarning(message, { type: 'DemitterForwarder' });
}

async function lockPaths(endpoints: readonly Endpoint[]): Promise<PathLock[]> {
  const locks: PathLock[] = [];
  try {
    for (const endpoint of endpoints) {
      if (endpoint.protocol !== 'ipc') continue;
      const lock = await lockPath(endpoint.path);
      if (lock === undefined) {
        const where = formatEndpoint(endpoint);
        throw new DemitterError('DEMITTER_BIND', `another process is about to bind ${where}`);
      }
      locks.push(lock);
    }
    return locks;
  } catch (error) {
    // Also if the system has no socket for another one: nobody could ever bind while this process holds the first.
    await Promise.all(locks.map((taken) => taken.release()));
    throw error;
  }
}
