/**
 * Runs the same cases on Emittery itself and on a `DistributedEmitter`: whoever uses only the local half must not
 * be able to tell them apart. Emittery is the control: a case that fails there is a wrong case.
 */
import Emittery, { type DebugOptions } from 'emittery';
import { afterAll, beforeAll, describe } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import type { AnyEvents } from '../../src/event-map.js';
import { Bus } from './bus.js';

type AnyEmittery = Emittery<AnyEvents>;

interface OpenEmitter extends AsyncDisposable {
  readonly emitter: AnyEmittery;
}

export interface Setting {
  readonly name: 'Emittery' | 'DistributedEmitter, connected' | 'DistributedEmitter, never connected';
  /** The class, for its static side. */
  readonly Class: typeof Emittery;
  open(debug?: DebugOptions<AnyEvents>): Promise<OpenEmitter>;
}

/** Describes `title` in every setting; the connected emitters share one forwarder. */
export function describeInEverySetting(title: string, define: (setting: Setting) => void): void {
  for (const name of [
    'Emittery',
    'DistributedEmitter, connected',
    'DistributedEmitter, never connected',
  ] as const) {
    describe(`${title} - ${name}`, () => {
      let bus: Bus | undefined;
      if (name === 'DistributedEmitter, connected') {
        beforeAll(async () => {
          bus = await Bus.start();
        });
        afterAll(() => bus?.[Symbol.asyncDispose]());
      }
      define({
        name,
        Class: name === 'Emittery' ? Emittery : (DistributedEmitter as unknown as typeof Emittery),
        async open(debug) {
          const options = debug === undefined ? {} : { debug };
          if (name === 'Emittery') {
            return { emitter: new Emittery<AnyEvents>(options), async [Symbol.asyncDispose]() {} };
          }
          const emitter = new DistributedEmitter({ ...options, ...bus?.addresses } as object);
          if (bus !== undefined) await emitter.connect();
          return {
            emitter: emitter as unknown as AnyEmittery,
            async [Symbol.asyncDispose]() {
              // Closing tells what was never sent; here that is meant so, and nothing to log.
              emitter.debug = { name: 'closing', enabled: false };
              emitter.on('distributed:error', () => {});
              await emitter.close();
            },
          };
        },
      });
    });
  }
}

/** The same object without its types, to misuse it. */
export function untyped(target: unknown): Record<string, (...args: unknown[]) => unknown> {
  return target as Record<string, (...args: unknown[]) => unknown>;
}

/** What `call` throws or rejects with; fails if it does neither. */
export async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error');
}
