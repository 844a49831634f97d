/** What an event is emitted with beside its name and its data. */
import { checkKeys, show } from './checks.js';
import type { Headers } from './wire/attributes.js';

export interface EmitOptions {
  /**
   * Send it now or never: it is dropped if the link is not ready or takes no more at this moment. It is not kept for
   * receivers that miss it, and nobody is told. Local listeners get it in any case. @default false
   */
  readonly volatile?: boolean | undefined;
  /**
   * Keep it for those who begin to listen to the name later: they get the newest retained event of the name first, once,
   * unless another one arrives sooner. It is kept by this emitter until it closes, within `retainedBytes`. @default false
   */
  readonly retain?: boolean | undefined;
  /** Texts that travel with the event, for {@link EventContext.headers}. @default none */
  readonly headers?: Headers | undefined;
}

const KNOWN: readonly (keyof EmitOptions)[] = ['volatile', 'retain', 'headers'];

/** @throws TypeError for what are no {@link EmitOptions}. */
export function checkEmitOptions(options: unknown): EmitOptions | undefined {
  if (options === undefined) return undefined;
  checkKeys(options, KNOWN);
  const { volatile, retain, headers } = options as EmitOptions;
  checkBoolean('volatile', volatile);
  checkBoolean('retain', retain);
  if (volatile === true && retain === true)
    throw new TypeError('Expected an event to be `volatile` or to `retain`, got both');
  if (headers !== undefined) checkHeaders(headers);
  return options as EmitOptions;
}

function checkBoolean(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean')
    throw new TypeError(`Expected \`${option}\` to be a boolean, got ${show(value)}`);
}

function checkHeaders(headers: unknown): void {
  // Not of a class: a Map's texts, say, are no properties of it, and would not travel as such.
  if (!isPlainObject(headers))
    throw new TypeError(`Expected \`headers\` to be a plain object of strings, got ${show(headers)}`);
  for (const [name, text] of Object.entries(headers)) {
    if (typeof text !== 'string')
      throw new TypeError(`Expected header ${show(name)} to be a string, got ${show(text)}`);
  }
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
