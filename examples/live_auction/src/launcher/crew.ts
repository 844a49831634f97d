/** All processes of a sale: who starts it can be sure that {@link Crew.stop} leaves none behind. */
import { type Options, settingsArgs } from '../options.js';
import type { Role } from '../protocol.js';
import { makeCast } from '../sale/cast.js';
import { Child, type ChildOptions } from './child.js';
import { type Addresses, chooseAddresses } from './ports.js';

type Watch = Pick<ChildOptions, 'onMessage' | 'onLost'>;

export class Crew {
  readonly children: Child[] = [];
  readonly #addresses: Addresses;
  readonly #options: Options;
  readonly #watch: Watch;
  #stopped: Promise<void> | undefined;

  private constructor(addresses: Addresses, options: Options, watch: Watch) {
    this.#addresses = addresses;
    this.#options = options;
    this.#watch = watch;
  }

  /** At ports of its own; nobody is started yet. */
  static async gather(options: Options, watch: Watch): Promise<Crew> {
    return new Crew(await chooseAddresses(), options, watch);
  }

  get forwarder(): Child {
    return this.#first('forwarder');
  }

  get controller(): Child {
    return this.#first('controller');
  }

  get spectator(): Child {
    return this.#first('spectator');
  }

  get bidders(): readonly Child[] {
    return this.children.filter(({ role }) => role === 'bidder');
  }

  startForwarder(): Child {
    return this.#start('forwarder', 'forwarder', []);
  }

  startSpectator(args: readonly string[], hasTerminal: boolean): Child {
    return this.#start('spectator', 'spectator', args, hasTerminal);
  }

  startController(): Child {
    const { settings, hasFaults } = this.#options;
    return this.#start('controller', 'controller', [
      ...settingsArgs(settings),
      '--plain',
      ...(hasFaults ? ['--hold'] : []),
    ]);
  }

  startBidders(): readonly Child[] {
    const { settings, isStress } = this.#options;
    return makeCast(settings.seed, settings.bidders).map(({ name, strategy, budgetCents }) =>
      this.#start('bidder', name, [
        ...['--plain', '--name', name],
        ...['--strategy', isStress ? 'tireless' : strategy],
        ...['--budget', `${isStress ? 1_000_000_000 : budgetCents / 100}`],
      ]),
    );
  }

  /** The forwarder last: the others are to say goodbye through it. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const forwarders = this.children.filter(({ role }) => role === 'forwarder');
    const others = this.children.filter(({ role }) => role !== 'forwarder');
    await Promise.all(others.map((child) => child.stop()));
    await Promise.all(forwarders.map((child) => child.stop()));
  }

  #start(role: Role, name: string, args: readonly string[], hasTerminal = false): Child {
    const child = new Child({ role, name, args, env: this.#addresses, hasTerminal, ...this.#watch });
    this.children.push(child);
    return child;
  }

  #first(role: Role): Child {
    const child = this.children.find((candidate) => candidate.role === role);
    if (child === undefined) throw new Error(`There is no ${role} yet`);
    return child;
  }
}
