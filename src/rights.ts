/**
 * What an emitter may do beyond its process. A forwarder with keys enforces it by key; an emitter is told by its own
 * `rights`, so that it asks for no more: a link that would be refused is not even made.
 */
import { DemitterError } from './errors.js';

/** In which direction events may go: out and in, out only (`publish`), in only (`subscribe`). */
export type Rights = 'both' | 'publish' | 'subscribe';

export function maySend(rights: Rights): boolean {
  return rights !== 'subscribe';
}

export function mayReceive(rights: Rights): boolean {
  return rights !== 'publish';
}

/** `what` cannot be done: the beginning of a sentence. */
export function notPermittedError(what: string, rights: Rights): DemitterError {
  return new DemitterError('DEMITTER_NOT_PERMITTED', `${what}: ${reasonOf(rights)}`);
}

/** Why an emitter without both rights cannot do something. */
export function reasonOf(rights: Rights): string {
  const only = rights === 'publish' ? 'publish' : 'subscribe';
  return `this emitter may only ${only} (\`rights: '${only}'\`)`;
}
