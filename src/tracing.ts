/**
 * Carries the trace context from emitter to listeners, as headers of the event (W3C `traceparent`, or whatever propagator is
 * set), if the process uses `@opentelemetry/api`. It makes no spans.
 */
import { createRequire } from 'node:module';
import type * as OpenTelemetry from '@opentelemetry/api';
import type { Headers } from './wire/attributes.js';

type Api = typeof OpenTelemetry;

/** Where the API keeps what is registered with it: while it is not there, nobody traces. */
const REGISTRY = Symbol.for('opentelemetry.js.api.1');

let api: Api | undefined;
let isMissing = false;

function usedApi(): Api | undefined {
  if (api !== undefined || isMissing || !(REGISTRY in globalThis)) return api;
  try {
    api = createRequire(import.meta.url)('@opentelemetry/api') as Api;
  } catch {
    // Somebody has a copy of it that is not ours to load.
    isMissing = true;
  }
  return api;
}

/** `headers` and those of the present trace, if there is one. */
export function withTrace(headers: Headers | undefined): Headers | undefined {
  const tracing = usedApi();
  if (tracing === undefined) return headers;
  const carrier: Record<string, string> = {};
  try {
    tracing.propagation.inject(tracing.context.active(), carrier);
  } catch {
    // A propagator that fails is no reason not to emit.
    return headers;
  }
  return Object.keys(carrier).length === 0 ? headers : { ...carrier, ...headers };
}

/** Whether listeners are to be called by {@link inTrace}. */
export function isTracing(): boolean {
  return usedApi() !== undefined;
}

/**
 * Calls `call` in the trace that `headers` tell of. If they tell of none, in none: not in that of whoever made the link, or
 * happened to send when the message was handed on.
 */
export function inTrace(headers: Headers | undefined, call: () => void): void {
  const tracing = usedApi();
  if (tracing === undefined) {
    call();
    return;
  }
  tracing.context.with(contextOf(tracing, headers), call);
}

function contextOf({ propagation, ROOT_CONTEXT }: Api, headers: Headers | undefined): OpenTelemetry.Context {
  try {
    return headers === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, headers);
  } catch {
    // Nor is it one not to deliver: headers come from anyone.
    return ROOT_CONTEXT;
  }
}
