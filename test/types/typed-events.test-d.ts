/**
 * Type tests: `npm run typecheck` compiles this file and never runs it. A line under `@ts-expect-error` has to be
 * refused by the compiler, `expectType` has to meet exactly the type it names, and the rest has to compile.
 */
import Emittery from 'emittery';
import {
  type Answer,
  type Channel,
  createDistributedEmitter,
  DistributedEmitter,
  type DistributedError,
  type Emission,
  type EventContext,
  type EventHeaders,
  type Peer,
  type PeerLeave,
  type Request,
  type StatusChange,
  type Unsubscribe,
} from '../../src/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles if `T` is the type of `value`, neither wider nor narrower; `any` is nothing but `any`. */
function expectType<T>() {
  return <V>(_value: V, ..._exact: Equal<T, V> extends true ? [] : [never]): void => {};
}

const sent = Symbol('sent');

interface Shop {
  'user:login': { userId: number };
  closed: undefined;
  maybe: string | undefined;
  anything: unknown;
  7: string;
  [sent]: bigint;
}

export async function names(): Promise<void> {
  const emitter = await createDistributedEmitter<Shop>();

  // @ts-expect-error not a name of this shop
  emitter.on('user:logout', () => {});
  // @ts-expect-error not a name of this shop
  emitter.once('user:logout');
  // @ts-expect-error not a name of this shop
  emitter.off('user:logout', () => {});
  // @ts-expect-error not a name of this shop
  emitter.events('user:logout');
  // @ts-expect-error not a name of this shop
  emitter.events(['closed', 'user:logout']);
  // @ts-expect-error not a name of this shop
  emitter.clearListeners('user:logout');
  // @ts-expect-error not a name of this shop
  emitter.listenerCount('user:logout');
  // @ts-expect-error not a name of this shop
  await emitter.emit('user:logout', { userId: 1 });
  // @ts-expect-error not a name of this shop
  await emitter.emitSerial(8, 'text');
  // @ts-expect-error another symbol
  await emitter.emit(Symbol('sent'), 1n);

  emitter.clearListeners(['closed', 7]);
  emitter.listenerCount(['closed', sent]);
  emitter.listenerCount('distributed:error');
}

export async function data(): Promise<void> {
  const emitter = new DistributedEmitter<Shop>({ xsubPort: 5555 });

  await emitter.emit('user:login', { userId: 1 });
  await emitter.emitSerial('user:login', { userId: 1 });
  await emitter.emit(7, 'seven');
  await emitter.emit(sent, 1n);
  // @ts-expect-error the wrong type
  await emitter.emit('user:login', { userId: '1' });
  // @ts-expect-error a property is missing
  await emitter.emitSerial('user:login', {});
  // @ts-expect-error a property too many
  await emitter.emit('user:login', { userId: 1, admin: true });
  // @ts-expect-error the wrong type
  await emitter.emit(7, 7);
  // @ts-expect-error the wrong type
  await emitter.emit(sent, 1);

  // Data may be left out only where it is always undefined, as in Emittery.
  await emitter.emit('closed');
  await emitter.emitSerial('closed');
  await emitter.emit('closed', undefined);
  await emitter.emit('maybe', undefined);
  // @ts-expect-error data is missing
  await emitter.emit('user:login');
  // @ts-expect-error data is missing
  await emitter.emitSerial('user:login');
  // @ts-expect-error data is missing
  await emitter.emit('maybe');
  // @ts-expect-error data is missing
  await emitter.emit('anything');
  // @ts-expect-error this event has no data
  await emitter.emit('closed', 1);

  // The library's own and Emittery's are listened to, not emitted.
  // @ts-expect-error the library emits it
  await emitter.emit('distributed:error', new Error('mine'));
  // @ts-expect-error Emittery emits it
  await emitter.emit(Emittery.listenerAdded, { listener: () => {} });
}

export async function listeners(): Promise<void> {
  const emitter = new DistributedEmitter<Shop>();

  emitter.on('user:login', (login) => expectType<{ userId: number }>()(login));
  emitter.on('closed', (nothing) => expectType<undefined>()(nothing));
  emitter.on(7, (text) => expectType<string>()(text));
  emitter.on(sent, (amount) => expectType<bigint>()(amount));
  emitter.on([7, sent], (either) => expectType<string | bigint>()(either));
  emitter.on(Emittery.listenerAdded, ({ eventName }) => expectType<PropertyKey | undefined>()(eventName));
  emitter.onAny((name, value) => {
    expectType<keyof Shop>()(name);
    expectType<Shop[keyof Shop]>()(value);
  });
  // @ts-expect-error the listener expects other data
  emitter.on('user:login', (login: { userId: string }) => login);

  // What a listener returns is nobody's business.
  const seen: unknown[] = [];
  emitter.on('user:login', ({ userId }) => seen.push(userId));
  emitter.on('user:login', async ({ userId }) => userId);
  emitter.onAny((name) => seen.push(name));
  emitter.off('user:login', ({ userId }) => seen.push(userId));
  emitter.offAny(async (name) => name);

  const off: () => void = emitter.on('closed', () => {}, { signal: AbortSignal.abort() });
  const offAny: () => void = emitter.onAny(() => {}, { signal: AbortSignal.abort() });
  off();
  offAny();

  expectType<{ userId: number }>()(await emitter.once('user:login'));
  expectType<{ userId: number }>()(await emitter.once('user:login', ({ userId }) => userId > 1));
  expectType<string | bigint>()(await emitter.once([7, sent]));
  emitter.once('closed').off();
  // @ts-expect-error a predicate decides
  emitter.once('user:login', ({ userId }) => userId);

  for await (const login of emitter.events('user:login')) expectType<{ userId: number }>()(login);
  for await (const either of emitter.events([7, sent])) expectType<string | bigint>()(either);
  for await (const [name, value] of emitter.anyEvent()) {
    expectType<keyof Shop>()(name);
    expectType<Shop[keyof Shop]>()(value);
  }
}

export async function ownEvents(): Promise<void> {
  const emitter = new DistributedEmitter<Shop>();
  const untyped = new DistributedEmitter();

  emitter.on('distributed:error', (error) => expectType<DistributedError>()(error));
  emitter.on('distributed:status', (change) => expectType<StatusChange>()(change));
  emitter.on('distributed:join', (peer) => expectType<Peer>()(peer));
  emitter.on('distributed:leave', (leave) => expectType<PeerLeave>()(leave));
  expectType<readonly Peer[]>()(await emitter.peers());
  expectType<DistributedError>()(await emitter.once('distributed:error', ({ type }) => type === 'loss'));
  expectType<StatusChange>()(await emitter.once('distributed:status'));
  for await (const error of emitter.events('distributed:error')) expectType<DistributedError>()(error);
  for await (const change of emitter.events('distributed:status')) expectType<StatusChange>()(change);
  // @ts-expect-error there is no such event
  emitter.on('distributed:unknown', () => {});
  // @ts-expect-error not what it carries
  emitter.on('distributed:error', (error: string) => error);
  // @ts-expect-error not one of the types
  emitter.on('distributed:error', ({ type }) => type === 'unknown');

  untyped.on('distributed:error', ({ code, missed }) => `${code} ${missed}`);
  untyped.on('distributed:status', ({ status, cause }) => `${status} ${cause?.message}`);
}

interface Services {
  'user:login': { userId: number };
  sum: Request<{ x: number; y: number }, number>;
  load: Request<undefined, { cpu: number }>;
  find: Request<string | undefined, string[]>;
  8: Request<bigint, void>;
}

export async function requests(): Promise<void> {
  const emitter = await createDistributedEmitter<Services>();
  const channel = emitter.channel('room');

  expectType<number>()(await emitter.request('sum', { x: 1, y: 2 }));
  expectType<number>()(await channel.request('sum', { x: 1, y: 2 }, { timeout: 0 }));
  expectType<{ cpu: number }>()(await emitter.request('load'));
  expectType<{ cpu: number } | 'unknown'>()(
    await emitter.request('load', undefined, { fallback: 'unknown' as const }),
  );
  expectType<number | undefined>()(
    await emitter.request('sum', { x: 1, y: 2 }, { signal: AbortSignal.timeout(1), fallback: undefined }),
  );
  expectType<void>()(await emitter.request(8, 1n));
  // @ts-expect-error data is missing
  await emitter.request('sum');
  // @ts-expect-error data is missing
  await emitter.request('find');
  // @ts-expect-error the wrong type
  await emitter.request('sum', { x: '1', y: 2 });
  // @ts-expect-error this request has no data
  await emitter.request('load', 1);
  // @ts-expect-error an event, which nobody answers
  await emitter.request('user:login', { userId: 1 });
  // @ts-expect-error not a name of these
  await emitter.request('product', { x: 1, y: 2 });
  // @ts-expect-error not an option
  await emitter.request('load', undefined, { max: 1 });
  // @ts-expect-error not an option
  emitter.requestMany('load', undefined, { fallback: 1 });

  for await (const answer of emitter.requestMany('sum', { x: 1, y: 2 }, { max: 3, stall: 10 })) {
    expectType<Answer<number>>()(answer);
    if (answer.status === 'fulfilled') expectType<number>()(answer.value);
    else expectType<Error>()(answer.reason);
  }
  for await (const { publisherId } of channel.requestMany('load')) expectType<string>()(publisherId);
  await using answers = emitter.requestMany('load');
  await answers.next();

  using off = emitter.respond('sum', ({ x, y }) => {
    expectType<number>()(x);
    return x + y;
  });
  off();
  channel.respond('sum', async ({ x }) => x, { signal: AbortSignal.abort() });
  emitter.respond('find', (text) => [expectType<string | undefined>()(text), ''].map(String));
  // @ts-expect-error the wrong answer
  emitter.respond('sum', ({ x }) => `${x}`);
  // @ts-expect-error the wrong answer, later
  emitter.respond('sum', async ({ x }) => `${x}`);
  // @ts-expect-error an event, which nobody answers
  emitter.respond('user:login', () => 1);

  const untyped = new DistributedEmitter();
  const value = await untyped.request('any name');
  value.whatever();
  untyped.respond('any name', ({ any, data }) => [any, data]);
  await untyped.request('any name', { any: 1 }, { timeout: 5 });
}

export async function untypedEmitters(): Promise<void> {
  await using emitter = await createDistributedEmitter({ xsubPort: 5555, xpubPort: 5556 });
  emitter.on('any name', ({ any, data }) => [any, data]);
  emitter.on(['a', 1, Symbol('b')], (value) => value.toString());
  emitter.onAny((name, value) => [name, value.toString()]);
  await emitter.emit('any name', { any: 'data' });
  await emitter.emit(1);
  await emitter.emit(Symbol.for('b'));
  await emitter.emitSerial('any name');
  const value = await emitter.once('any name');
  value.whatever();
  for await (const { nested } of emitter.events('any name')) nested.whatever();
  for await (const [name, { nested }] of emitter.anyEvent()) [name, nested.whatever()];
}

export async function lifeCycle(): Promise<void> {
  await using emitter = await createDistributedEmitter<Shop>();
  await emitter.ready({ timeout: 100 });
  expectType<string>()(emitter.id);
  expectType<StatusChange['status']>()(emitter.status);
  expectType<Promise<void>>()(emitter.connect());
  expectType<Promise<void>>()(emitter.close());
  // @ts-expect-error it is read only
  emitter.status = 'ready';
  // @ts-expect-error not an option
  new DistributedEmitter({ port: 5555 });
  // @ts-expect-error a port is a number
  await createDistributedEmitter({ xsubPort: '5555' });
}

/** A DistributedEmitter goes where code that knows nothing of it wants an Emittery of the same events. */
export async function asEmittery(): Promise<void> {
  interface Plain {
    a: string;
    b: undefined;
  }
  const accept = <Events>(_emitter: Emittery<Events>): void => {};
  accept<Plain>(new DistributedEmitter<Plain>());
  accept(new DistributedEmitter());
  const plain: Emittery<Plain> = new DistributedEmitter<Plain>();
  await plain.emit('b');
  // @ts-expect-error an emitter of other events
  accept<{ a: number }>(new DistributedEmitter<Plain>());

  class Mixed {}
  expectType<typeof Mixed>()(DistributedEmitter.mixin('emitter')(Mixed));
  new DistributedEmitter<Plain>().bindMethods({}, ['on']);
}

interface Game {
  'user:move': [x: number, y: number];
  'user:say': string;
  over: undefined;
}

/** Several arguments are a tuple. */
export async function tuples(): Promise<void> {
  const emitter = new DistributedEmitter<Game>();
  emitter.on('user:move', ([x, y]) => {
    expectType<number>()(x);
    expectType<number>()(y);
  });
  await emitter.emit('user:move', [1, 2]);
  // @ts-expect-error one is missing
  await emitter.emit('user:move', [1]);
  // @ts-expect-error they are one argument
  await emitter.emit('user:move', 1, 2);
  const [x] = await emitter.once('user:move', { predicate: ([, y]) => y > 0, signal: AbortSignal.abort() });
  expectType<number>()(x);
}

export async function channels(): Promise<void> {
  const emitter = new DistributedEmitter<Shop>();
  expectType<Channel<Shop>>()(emitter.channel('same events'));
  const game: Channel<Game> = emitter.channel<Game>('game');
  game.on('user:say', (text) => expectType<string>()(text));
  game.on(['user:say', 'over'], (either) => expectType<string | undefined>()(either));
  for await (const [, y] of game.events('user:move')) expectType<number>()(y);
  await game.emit('over');
  await game.volatile.emit('user:move', [1, 2], { headers: { a: 'b' } });
  // @ts-expect-error no event of this channel
  await game.emit('user:login', { userId: 1 });
  // @ts-expect-error the wrong type
  game.emission('user:say')(1);
  // @ts-expect-error a channel has a name
  emitter.channel(1);
}

export async function options(): Promise<void> {
  const emitter = new DistributedEmitter<Game>({ namespace: 'a', separator: '/', context: true });
  emitter.on('user:say', () => {}, { filter: (text) => text.length > 1 });
  // @ts-expect-error a filter decides
  emitter.on('user:say', () => {}, { filter: (text) => text.length });
  // @ts-expect-error a filter decides at once
  emitter.on('user:say', () => {}, { filter: async () => true });
  emitter.onAny(() => {}, { filter: (name, data) => name === 'over' && data === undefined });
  emitter.onPattern('user:*', (name, data) => {
    expectType<keyof Game>()(name);
    expectType<Game[keyof Game]>()(data);
  });
  for await (const [name] of emitter.patternEvents('user:*')) expectType<keyof Game>()(name);
  // @ts-expect-error headers are texts
  await emitter.emit('over', undefined, { headers: { a: 1 } });
  // @ts-expect-error not an option
  await emitter.emit('over', undefined, { retained: 1 });
  expectType<EventContext | undefined>()(emitter.context());
  expectType<EventHeaders | undefined>()(emitter.context()?.headers);
  expectType<number>()(emitter.volatileDropped);
  using off: Unsubscribe = emitter.on('over', () => {});
  off();
  await using _iterator = emitter.events('over', { signal: AbortSignal.abort() });
}

export async function emissions(): Promise<void> {
  const emitter = new DistributedEmitter<Game>();
  const move: Emission<[x: number, y: number]> = emitter.emission('user:move', { volatile: true });
  await move([1, 2]);
  // @ts-expect-error data is missing
  await move();
  const over = emitter.emission('over');
  await over();
  // @ts-expect-error this event has no data
  await over(1);
  const any = new DistributedEmitter().emission('any name');
  await any({ any: 'data' });
  await any();
}
