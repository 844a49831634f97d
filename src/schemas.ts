/**
 * Schemas of events, of any library that keeps to Standard Schema (https://standardschema.dev): what is emitted and what
 * arrives is validated by them, and listeners get what they make of it.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { show } from './checks.js';
import { DemitterError } from './errors.js';
import type { Request } from './event-map.js';
import { isThenable } from './thenable.js';

/** Schemas by event name; of a name that is requested, of data and answer. */
export type EventSchemas = Readonly<Record<PropertyKey, StandardSchemaV1 | RequestSchemas>>;

export interface RequestSchemas {
  readonly request?: StandardSchemaV1 | undefined;
  readonly answer?: StandardSchemaV1 | undefined;
}

/**
 * - `both`: what is emitted is validated and sent as it is; what arrives is validated, and listeners get the schema's output.
 * - `receive`: only what arrives.
 * - `emit`: only what is emitted; the schema's output is sent, and receivers trust it.
 * - `none`: nothing, and nothing is transformed.
 */
export type ValidateMode = 'both' | 'receive' | 'emit' | 'none';

type InputOf<Schema> = Schema extends StandardSchemaV1 ? StandardSchemaV1.InferInput<Schema> : unknown;
type OutputOf<Schema> = Schema extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Schema> : unknown;

/** The event map that schemas make: what listeners get. */
export type SchemaEvents<Schemas> = {
  [Name in keyof Schemas]: Schemas[Name] extends StandardSchemaV1
    ? OutputOf<Schemas[Name]>
    : Schemas[Name] extends { readonly request?: infer Data; readonly answer?: infer Value }
      ? Request<OutputOf<Data>, OutputOf<Value>>
      : never;
};

/** The event map of what is emitted. */
export type SchemaInputs<Schemas> = {
  [Name in keyof Schemas]: Schemas[Name] extends StandardSchemaV1
    ? InputOf<Schemas[Name]>
    : Schemas[Name] extends { readonly request?: infer Data; readonly answer?: infer Value }
      ? Request<InputOf<Data>, InputOf<Value>>
      : never;
};

/** What a schema does not accept. */
export class ValidationError extends DemitterError {
  override readonly name = 'ValidationError';
  readonly eventName: PropertyKey;
  readonly issues: readonly StandardSchemaV1.Issue[];

  constructor(eventName: PropertyKey, what: string, issues: readonly StandardSchemaV1.Issue[]) {
    super('DEMITTER_VALIDATION', `${what} '${String(eventName)}' is not valid: ${describe(issues)}`);
    this.eventName = eventName;
    this.issues = issues;
  }
}

/** What a schema makes of a value, or what is wrong with it. */
export type Verdict = { readonly value: unknown } | { readonly error: unknown };

type Entry = Readonly<Partial<Record<'event' | 'request' | 'answer', StandardSchemaV1>>>;
export type SchemaRole = keyof Entry;

const WORDS: Readonly<Record<SchemaRole, string>> = {
  event: 'Event',
  request: 'Request',
  answer: 'The answer to',
};

export class Schemas {
  readonly mode: ValidateMode;
  readonly #byName: ReadonlyMap<PropertyKey, Entry>;

  /** @throws TypeError for what is no {@link EventSchemas}. */
  constructor(schemas: unknown, mode: ValidateMode) {
    if (typeof schemas !== 'object' || schemas === null)
      throw new TypeError(`Expected \`schemas\` to be an object of schemas, got ${show(schemas)}`);
    this.mode = mode;
    this.#byName = new Map(
      Reflect.ownKeys(schemas).map((name) => [name, toEntry(name, (schemas as EventSchemas)[name])]),
    );
  }

  /** Whether there is a schema to validate by, for what is emitted here or for what arrives. */
  validates(name: PropertyKey, role: SchemaRole, on: 'emit' | 'receive'): boolean {
    return (this.mode === 'both' || this.mode === on) && this.#find(name, role) !== undefined;
  }

  /** Validates; only what {@link validates}. */
  judge(name: PropertyKey, role: SchemaRole, value: unknown): Verdict | Promise<Verdict> {
    const schema = this.#find(name, role) as StandardSchemaV1;
    const conclude = (result: StandardSchemaV1.Result<unknown>): Verdict =>
      result.issues === undefined
        ? { value: result.value }
        : { error: new ValidationError(name, WORDS[role], result.issues) };
    try {
      const result = schema['~standard'].validate(value);
      return isThenable(result)
        ? Promise.resolve(result)
            .then(conclude)
            .catch((error: unknown) => ({ error }))
        : conclude(result);
    } catch (error) {
      return { error };
    }
  }

  /** What is to be sent for `value`. Rejects with a {@link ValidationError}. */
  async outgoing(name: PropertyKey, role: SchemaRole, value: unknown): Promise<unknown> {
    if (!this.validates(name, role, 'emit')) return value;
    const valid = valueIn(await this.judge(name, role, value));
    return this.mode === 'emit' ? valid : value;
  }

  /** What is to be made of `value` that arrived. Rejects with a {@link ValidationError}. */
  async incoming(name: PropertyKey, role: SchemaRole, value: unknown): Promise<unknown> {
    return this.validates(name, role, 'receive') ? valueIn(await this.judge(name, role, value)) : value;
  }

  #find(name: PropertyKey, role: SchemaRole): StandardSchemaV1 | undefined {
    return this.#byName.get(typeof name === 'number' ? String(name) : name)?.[role];
  }
}

function valueIn(verdict: Verdict): unknown {
  if ('error' in verdict) throw verdict.error;
  return verdict.value;
}

function toEntry(name: PropertyKey, schema: unknown): Entry {
  if (isSchema(schema)) return { event: schema };
  const parts = Object.entries(typeof schema === 'object' && schema !== null ? schema : {});
  const isOfRequest = parts.every(
    ([role, part]) => (role === 'request' || role === 'answer') && (part === undefined || isSchema(part)),
  );
  if (parts.length > 0 && isOfRequest) return schema as Entry;
  throw new TypeError(
    `Expected schema ${show(String(name))} to be a Standard Schema, or \`request\` and \`answer\` of a request, got ${show(schema)}`,
  );
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  const isObject = typeof value === 'function' || (typeof value === 'object' && value !== null);
  if (!isObject || !('~standard' in value)) return false;
  return typeof (value as StandardSchemaV1)['~standard']?.validate === 'function';
}

/** The first few, with where they are. */
function describe(issues: readonly StandardSchemaV1.Issue[]): string {
  const shown = issues.slice(0, 3).map(({ message, path = [] }) => {
    const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return where === '' ? message : `${where}: ${message}`;
  });
  return (
    shown.join('; ') + (issues.length > shown.length ? `; and ${issues.length - shown.length} more` : '')
  );
}
