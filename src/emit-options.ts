/** What an event is emitted with beside its name and its data. */
import { checkKeys, show } from './checks.js';
import type { Headers } from './wire/attributes.js';

export interface EmitOptions {
  /**
   * Send it now or never: it is dropped if the link is not ready or takes no more at this moment. It is not kept for
   * receivers that miss it, and nobody is told. Local listeners get it in any case. @default false
   */
  readonly volatile?: boolean | undefined;
  /** Texts that travel with the event, for {@link EventContext.headers}. @default none */
  readonly headers?: Headers | undefined;
}

const KNOWN: readonly (keyof EmitOptions)[] = ['volatile', 'headers'];

/** @throws TypeError for what are no {@link EmitOptions}. */
export function checkEmitOptions(options: unknown): EmitOptions | undefined {
  if (options === undefined) return undefined;
  checkKeys(options, KNOWN);
  const { volatile, headers } = options as EmitOptions;
  if (volatile !== undefined && typeof volatile !== 'boolean')
    throw new TypeError(`Expected \`volatile\` to be a boolean, got ${show(volatile)}`);
  if (headers !== undefined) checkHeaders(headers);
  return options as EmitOptions;
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
