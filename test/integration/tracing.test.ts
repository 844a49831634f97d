import { context, propagation, type SpanContext, type TextMapPropagator, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { caughtUp } from '../support/caught-up.js';
import { describeOverEach } from '../support/meeting.js';

/** As W3C has it, and the SDK, whose own needs a package more. */
const propagator: TextMapPropagator = {
  fields: () => ['traceparent'],
  inject(of, carrier, setter) {
    const span = trace.getSpanContext(of);
    if (span !== undefined) setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-01`);
  },
  extract(of, carrier, getter) {
    const [, traceId, spanId] = String(getter.get(carrier, 'traceparent')).split('-');
    if (traceId === undefined || spanId === undefined) return of;
    return trace.setSpanContext(of, { traceId, spanId, traceFlags: 1, isRemote: true });
  },
};

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(propagator);
  trace.setGlobalTracerProvider(new BasicTracerProvider());
});
afterAll(() => {
  for (const api of [context, propagation, trace]) api.disable();
});

const active = (): SpanContext | undefined => trace.getSpanContext(context.active());

describeOverEach('the trace', (start) => {
  test('that is active at emit is the parent in listeners elsewhere, and here', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter({ context: true })];
    const seen: [string, string | undefined, boolean | undefined][] = [];
    const look = (of: string) => seen.push([of, active()?.spanId, active()?.isRemote]);
    there.on('a', (of) => look(of));
    there.channel('c').onAny((_name, of) => look(of));
    here.on('a', (of) => look(`${of} here`));
    await there.ready();
    const tracer = trace.getTracer('test');
    const ids: string[] = [];
    for (const of of ['one', 'two', 'three']) {
      await tracer.startActiveSpan(of, async (span) => {
        ids.push(span.spanContext().spanId);
        if (of === 'two') await here.volatile.emit('a', of);
        else await (of === 'one' ? here : here.channel('c')).emit('a', of);
        span.end();
      });
    }
    await here.emit('a', 'none');
    await caughtUp(here, there);
    const [one, two, three] = ids;
    const elsewhere = seen.filter(([of]) => !of.endsWith('here'));
    // Volatile events are in no order with others.
    expect(elsewhere.sort(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ['none', undefined, undefined],
      ['one', one, true],
      ['three', three, true],
      ['two', two, true],
    ]);
    expect(seen.filter(([of]) => of.endsWith('here')).map(([, id]) => id)).toEqual([one, two, undefined]);
  });

  test('is not that of whoever happened to send, or to connect, when the event has none', async () => {
    await using meeting = await start();
    const tracer = trace.getTracer('test');
    const here = await meeting.emitter();
    const seen: unknown[] = [];
    const there = await tracer.startActiveSpan('connecting', () => meeting.emitter());
    there.on('a', (data) => seen.push([data, active()?.spanId]));
    await there.ready();
    // Both leave in one flush, which the first one began.
    await tracer.startActiveSpan('sending', async (span) => {
      void here.emit('other');
      span.end();
    });
    await here.emit('a', 1);
    await caughtUp(here, there);
    expect(seen).toEqual([[1, undefined]]);
  });

  test('is in the headers, which may override it', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter({ context: true })];
    const seen: unknown[] = [];
    there.on('a', () => seen.push(there.context()?.headers));
    await there.ready();
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    await trace.getTracer('test').startActiveSpan('x', async (span) => {
      const { traceId, spanId } = span.spanContext();
      await here.emit('a', 1, { headers: { h: 'x' } });
      await here.emit('a', 1, { headers: { traceparent } });
      await caughtUp(here, there);
      expect(seen).toEqual([{ h: 'x', traceparent: `00-${traceId}-${spanId}-01` }, { traceparent }]);
    });
  });
});

describeOverEach('a propagator that fails', (start) => {
  afterEach(() => {
    propagation.disable();
    propagation.setGlobalPropagator(propagator);
  });

  test('costs the trace and not the event', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const seen: unknown[] = [];
    there.on('a', (data) => seen.push(data));
    await there.ready();
    const fail = () => {
      throw new Error('mine');
    };
    propagation.disable();
    propagation.setGlobalPropagator({ fields: () => [], inject: fail, extract: fail });
    await here.emit('a', 1);
    await here.emit('a', 2, { headers: { h: 'x' } });
    await caughtUp(here, there);
    expect(seen).toEqual([1, 2]);
  });
});

test('the API is there (or the tests above prove nothing)', () => {
  expect(trace.getTracer('test').startSpan('x').isRecording()).toBe(true);
});
