/** Keeps what happens in order where some of it has to be waited for. As long as nothing has to, nothing waits. */
import { isThenable } from './thenable.js';

export class InOrder {
  #last: Promise<void> | undefined;

  /** Resolves when everything before is done; `undefined` if it is. */
  get idle(): Promise<void> | undefined {
    return this.#last;
  }

  /**
   * Calls `step` with `value` as soon as that is there and every step before has been called: now, if that is so. What `step`
   * returns is not waited for by the next.
   */
  run<Value, Result>(
    value: Value | PromiseLike<Value>,
    step: (value: Value) => Promise<Result>,
  ): Promise<Result> {
    if (this.#last === undefined && !isThenable(value)) return step(value);
    const turn = (this.#last ?? Promise.resolve()).then(() => value).then((ready) => [step(ready)] as const);
    const last: Promise<void> = turn.then(
      () => this.#done(last),
      () => this.#done(last),
    );
    this.#last = last;
    return turn.then(([result]) => result);
  }

  #done(step: Promise<void>): void {
    if (this.#last === step) this.#last = undefined;
  }
}
