/**
 * The end of an emitter's life, in real processes: `close()` sends what was emitted, takes no longer than it may, tells
 * exactly what could not be sent, and leaves nothing behind that would keep the process alive.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test } from 'vitest';
import { createDistributedEmitter } from '../../src/emitter.js';
import { Bus } from '../support/bus.js';
import { caughtUp } from '../support/caught-up.js';
import {
  DIST,
  type ProcessOptions,
  ROOT,
  spawnNode,
  spawnSource,
  type TestProcess,
} from '../support/process.js';

const PROGRAM = fileURLToPath(new URL('../support/closing-program.mjs', import.meta.url));
const AWAIT_USING = fileURLToPath(new URL('../support/await-using-program.ts', import.meta.url));
const EXAMPLE = join(ROOT, 'examples/graceful-shutdown.ts');

/** Without a forwarder: short, for what runs into it holds up the tests. */
const CLOSE_TIMEOUT = 300;
/** With one: as long as a busy machine may take for 10 MB. It is not what is measured there. */
const LONG_CLOSE_TIMEOUT = 10_000;
/** `close()` promises 500 ms; the machine that runs the tests may be busy with others. */
const MARGIN = 1500;

interface Addresses {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
}

/** What the program connects to; with the process to be killed, if it is one. */
interface Peer extends AsyncDisposable {
  readonly addresses: Addresses;
  readonly pid: number | undefined;
}

interface Plan {
  readonly situation:
    | 'idle'
    | 'connecting'
    | 'still connecting'
    | 'ready'
    | 'reconnecting'
    | 'forwarder killed in this turn'
    | 'forwarder stopped';
  readonly ending?: 'close' | 'twice' | 'under back-pressure' | 'in a listener';
  readonly options: object;
  readonly forwarderPid?: number | undefined;
  readonly names?: readonly string[];
  readonly count?: number;
  readonly bytes?: number;
}

interface Outcome {
  readonly closeMs: number;
  readonly closeTimeout: number;
  readonly emitted: number;
  readonly told: readonly { readonly code: string; readonly missed?: number }[];
  readonly statuses: readonly string[];
  /** Resources that were not there before the emitter was made. */
  readonly left: readonly string[];
}

/** Starts closing-program.mjs with `plan`, in the main thread of a process or in a worker of it. */
function start(plan: Plan, thread: 'main' | 'worker' = 'main'): TestProcess {
  const args = [JSON.stringify({ ...plan, options: { closeTimeout: CLOSE_TIMEOUT, ...plan.options } })];
  if (thread === 'main') return spawnNode(PROGRAM, { args });
  return spawnSource(
    `import { Worker } from 'node:worker_threads';
     const worker = new Worker(${JSON.stringify(PROGRAM)}, { argv: process.argv.slice(1), execArgv: [] });
     worker.on('exit', (code) => console.log('worker ended with ' + code));`,
    { args },
  );
}

/** Waits for the end of the program, and checks what holds in every situation. */
async function outcomeOf(program: TestProcess, { annotate }: TestContext): Promise<Outcome> {
  expect(await program.exit, program.output).toEqual({ code: 0, signal: null });
  expect(program.stderr).toEqual([]);
  const [, json = ''] = await program.line(/^(\{.*\})$/, 'stdout');
  const outcome = JSON.parse(json) as Outcome;
  await annotate(`close() took ${outcome.closeMs} ms of ${outcome.closeTimeout}`);
  expect(outcome.left, 'resources left').toEqual([]);
  expect(outcome.closeMs).toBeLessThan(outcome.closeTimeout + MARGIN);
  expect(outcome.statuses.slice(-2)).toEqual(['closing', 'closed']);
  expect(outcome.statuses.filter((status) => status === 'closing')).toHaveLength(1);
  return outcome;
}

/** A forwarder that can be killed without touching the test. */
async function startForwarder(): Promise<Peer> {
  const loopback = 'tcp://127.0.0.1:0';
  const args = ['--xsub-address', loopback, '--xpub-address', loopback];
  const process = spawnNode(join(DIST, 'cli.js'), { args });
  const [, xsubAddress = '', xpubAddress = ''] = await process.line(/started: XSUB (\S+), XPUB ([^\s"]+)/);
  return {
    addresses: { xsubAddress, xpubAddress },
    pid: process.pid,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** Accepts connections and never says a word. */
async function startBlackHole(): Promise<Peer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    addresses: { xsubAddress: address, xpubAddress: address },
    pid: undefined,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Nobody listens there: connections are refused. */
const NOBODY: Addresses = { xsubAddress: 'tcp://127.0.0.1:1', xpubAddress: 'tcp://127.0.0.1:1' };

/** A subscriber in this process that records the sequence numbers that come in under any name. */
async function record(addresses: Addresses) {
  const emitter = await createDistributedEmitter({ ...addresses });
  const sequences: number[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let reached = (): void => {};
  emitter.onAny((_name, data) => {
    const { sequence } = (data ?? {}) as { sequence?: number };
    if (sequence !== undefined && sequences.push(sequence) >= wanted) reached();
  });
  await emitter.ready();
  return {
    emitter,
    /** Everything, once `count` have come; and a little later, when one too many would have come as well. */
    async all(count: number): Promise<readonly number[]> {
      await new Promise<void>((resolve) => {
        wanted = count;
        reached = resolve;
        if (sequences.length >= count) resolve();
      });
      await using another = await createDistributedEmitter({ ...addresses });
      await caughtUp(another, emitter);
      return sequences;
    },
    [Symbol.asyncDispose]: () => emitter.close(),
  };
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const TEN_NAMES = upTo(10).map((index) => `burst:${index}`);

describe('close() right after 500 un-awaited emits in one turn: all arrive, in order', () => {
  test.for([
    { what: 'of one name', plan: {} },
    { what: 'of ten names in rotation', plan: { names: TEN_NAMES } },
    { what: 'of 20 KB each', plan: { bytes: 20_000 } },
    { what: 'of 20 KB each, of ten names in rotation', plan: { names: TEN_NAMES, bytes: 20_000 } },
    // Nobody waited for the link: close() does.
    { what: 'before the link is up', plan: { situation: 'connecting' } },
  ] as const)('$what', async ({ plan }, context) => {
    await using bus = await Bus.start();
    await using recorded = await record(bus.addresses);
    await using program = start({
      situation: 'ready',
      options: { ...bus.addresses, closeTimeout: LONG_CLOSE_TIMEOUT },
      ...plan,
    });
    const { told } = await outcomeOf(program, context);
    expect(told).toEqual([]);
    expect(await recorded.all(500)).toEqual(upTo(500));
  });

  test('and is called three times', async (context) => {
    await using bus = await Bus.start();
    await using recorded = await record(bus.addresses);
    await using program = start({
      situation: 'ready',
      ending: 'twice',
      options: { ...bus.addresses, closeTimeout: LONG_CLOSE_TIMEOUT },
    });
    await program.line(/after the second: closed/);
    const { told } = await outcomeOf(program, context);
    expect(told).toEqual([]);
    expect(await recorded.all(500)).toEqual(upTo(500));
  });

  test('in a worker thread, which then ends by itself', async (context) => {
    await using bus = await Bus.start();
    await using recorded = await record(bus.addresses);
    await using program = start(
      { situation: 'ready', options: { ...bus.addresses, closeTimeout: LONG_CLOSE_TIMEOUT } },
      'worker',
    );
    await outcomeOf(program, context);
    await program.line(/worker ended with 0/);
    expect(await recorded.all(500)).toEqual(upTo(500));
  });

  test('in a listener of a remote event', async (context) => {
    await using bus = await Bus.start();
    await using recorded = await record(bus.addresses);
    await using program = start({
      situation: 'ready',
      ending: 'in a listener',
      options: { ...bus.addresses, closeTimeout: LONG_CLOSE_TIMEOUT },
    });
    await program.line(/listening/);
    // In one batch: the listener closes its emitter while the second waits to be handed over.
    void recorded.emitter.emit('stop');
    void recorded.emitter.emit('stop');
    await outcomeOf(program, context);
    expect(await recorded.all(500)).toEqual(upTo(500));
  });

  test('by the end of a scope with `await using`', async () => {
    await using bus = await Bus.start();
    await using recorded = await record(bus.addresses);
    const { xsubAddress, xpubAddress } = bus.addresses;
    const options: ProcessOptions = { args: [xsubAddress, xpubAddress], execArgv: ['--import', 'tsx'] };
    await using program = spawnNode(AWAIT_USING, options);
    expect(await program.exit, program.output).toEqual({ code: 0, signal: null });
    expect(program.output).toBe('closed');
    expect(await recorded.all(500)).toEqual(upTo(500));
  });
});

describe('close() without a forwarder: in time, told exactly, nothing left', () => {
  const refused = async () => ({ addresses: NOBODY, pid: undefined, async [Symbol.asyncDispose]() {} });
  for (const { what, situation, peer } of [
    { what: 'before connect()', situation: 'idle', peer: refused },
    { what: 'in the turn of connect(), connections refused', situation: 'connecting', peer: refused },
    { what: 'after connectTimeout, connections refused', situation: 'still connecting', peer: refused },
    {
      what: 'in the turn of connect(), no word from the peer',
      situation: 'connecting',
      peer: startBlackHole,
    },
    {
      what: 'after connectTimeout, no word from the peer',
      situation: 'still connecting',
      peer: startBlackHole,
    },
    { what: 'reconnecting, the forwarder killed', situation: 'reconnecting', peer: startForwarder },
  ] as const) {
    for (const count of [0, 500]) {
      test(`${what}, ${count} events unsent`, async (context) => {
        await using far = await peer();
        const options = { ...far.addresses, connectTimeout: 100 };
        await using program = start({ situation, options, count, forwarderPid: far.pid });
        const { told } = await outcomeOf(program, context);
        expect(unsent(told)).toEqual(count === 0 ? [] : [count]);
      });
    }
  }

  // All that the kernel took is lost: nobody has read it.
  test.for([0, 2000, 20_000])(
    'the forwarder killed in this turn, events of %i bytes',
    async (bytes, context) => {
      await using far = await startForwarder();
      const situation = 'forwarder killed in this turn';
      const plan = { situation, options: far.addresses, forwarderPid: far.pid, bytes } as const;
      await using program = start(plan);
      const { told } = await outcomeOf(program, context);
      expect(unsent(told)).toEqual([500]);
    },
  );

  // What its kernel has already is delivered when it goes on, and was told all the same.
  test.for([0, 2000, 20_000])(
    'the forwarder stopped, events of %i bytes: all are told, and what goes on arrives in order',
    async (bytes, context) => {
      await using far = await startForwarder();
      await using recorded = await record(far.addresses);
      const situation = 'forwarder stopped';
      const plan = { situation, options: far.addresses, forwarderPid: far.pid, bytes } as const;
      await using program = start(plan);
      const { told } = await outcomeOf(program, context);
      expect(unsent(told)).toEqual([500]);
      process.kill(far.pid as number, 'SIGCONT');
      const delivered = await recorded.all(0);
      expect(delivered).toEqual(upTo(delivered.length));
      await context.annotate(`${delivered.length} of 500 arrived although they were told`);
    },
  );

  test('an emit() that waits for room goes on', async (context) => {
    await using far = await startBlackHole();
    const options = { ...far.addresses, connectTimeout: 100, highWaterMark: 65_536 };
    await using program = start({
      situation: 'still connecting',
      ending: 'under back-pressure',
      options,
      bytes: 20_000,
    });
    const { told, emitted } = await outcomeOf(program, context);
    expect(unsent(told)).toEqual([emitted]);
  });

  test('in a worker thread, which then ends by itself', async (context) => {
    await using far = await startForwarder();
    const plan = { situation: 'reconnecting', options: far.addresses, forwarderPid: far.pid } as const;
    await using program = start(plan, 'worker');
    const { told } = await outcomeOf(program, context);
    await program.line(/worker ended with 0/);
    expect(unsent(told)).toEqual([500]);
  });
});

describe('examples/graceful-shutdown.ts', () => {
  const run = ({ xsubAddress, xpubAddress }: Addresses) =>
    spawnNode(EXAMPLE, {
      execArgv: ['--import', 'tsx'],
      env: { XSUB_ADDRESS: xsubAddress, XPUB_ADDRESS: xpubAddress },
    });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s - what was emitted before arrives, in order',
    async (signal) => {
      await using bus = await Bus.start();
      const subscriber = await bus.emitter();
      const counts: unknown[] = [];
      subscriber.on('counter:counted', ({ count }) => counts.push(count));
      const stopped = subscriber.once('counter:stopped');
      const underWay = subscriber.once('counter:counted', ({ count }) => count >= 20);
      await subscriber.ready();

      await using program = run(bus.addresses);
      await underWay;
      program.kill(signal);
      const { total } = await stopped;
      expect(await program.exit, program.output).toEqual({ code: 0, signal: null });
      expect(program.output).toMatch(new RegExp(`^counting, .*\\nended by ${signal} after ${total} events$`));
      const first = Number(counts[0]);
      expect(counts).toEqual(
        upTo(total)
          .slice(first - 1)
          .map((index) => index + 1),
      );
    },
  );

  test('SIGTERM without a forwarder - ends by itself, and tells what was lost', async () => {
    await using program = run(NOBODY);
    await program.line(/^counting/);
    program.kill('SIGTERM');
    expect(await program.exit, program.output).toEqual({ code: 0, signal: null });
    const [, total] = await program.line(/^ended by SIGTERM after (\d+) events$/, 'stdout');
    await program.line(new RegExp(`DEMITTER_CLOSE_TIMEOUT.*\\b${Number(total) + 1} events? `), 'stderr');
  });
});

function unsent(told: Outcome['told']): (number | undefined)[] {
  return told.filter(({ code }) => code === 'DEMITTER_CLOSE_TIMEOUT').map(({ missed }) => missed);
}
