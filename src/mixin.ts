/**
 * Emittery's `mixin` with an emitter of our making: Emittery's own always puts a plain Emittery into the property,
 * and defines it so that it cannot be replaced.
 */
import Emittery from 'emittery';

const METHODS: readonly string[] = Object.getOwnPropertyNames(Emittery.prototype).filter(
  (name) => name !== 'constructor',
);

// biome-ignore lint/suspicious/noExplicitAny: the constructor type that mixins require, as in Emittery.
type Constructor = new (...args: readonly any[]) => any;

/** A class decorator: defines `propertyName`, made by `create` when first used, and `methodNames` that call it. */
export function mixDistributedEmitterInto(
  create: () => object,
  propertyName: string | symbol,
  methodNames: readonly string[] = METHODS,
): <T extends Constructor>(target: T) => T {
  checkMethodNames(methodNames);
  return (target) => {
    if (typeof target !== 'function') throw new TypeError('`target` must be function');
    const prototype = target.prototype as Record<string, unknown>;
    for (const name of methodNames) {
      if (prototype[name] !== undefined)
        throw new Error(`The property \`${name}\` already exists on \`target\``);
    }
    Object.defineProperty(prototype, propertyName, {
      enumerable: false,
      get(this: object) {
        const emitter = create();
        Object.defineProperty(this, propertyName, { enumerable: false, value: emitter });
        return emitter;
      },
    });
    for (const name of methodNames) {
      Object.defineProperty(prototype, name, {
        enumerable: false,
        value(
          this: Record<string | symbol, Record<string, (...args: unknown[]) => unknown>>,
          ...args: unknown[]
        ) {
          return this[propertyName]?.[name]?.(...args);
        },
      });
    }
    return target;
  };
}

function checkMethodNames(methodNames: readonly string[]): void {
  if (!Array.isArray(methodNames)) throw new TypeError('`methodNames` must be an array of strings');
  for (const name of methodNames) {
    if (typeof name !== 'string') throw new TypeError('`methodNames` element must be a string');
    if (!METHODS.includes(name)) throw new Error(`${name} is not Emittery method`);
  }
}
