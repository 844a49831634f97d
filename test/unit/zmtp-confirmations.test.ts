import { describe, expect, it } from 'vitest';
import { Confirmations } from '../../src/transport/zmtp/confirmations.js';

/** As libzmq before 4.3 answers. */
const NO_CONTEXT = Buffer.alloc(0);

describe('Confirmations', () => {
  it('take as read what was sent before the PING that is answered, and no more', () => {
    const confirmations = new Confirmations();
    confirmations.sent(100);
    const first = confirmations.ping();
    confirmations.sent(10);
    const second = confirmations.ping();
    confirmations.sent(1);
    expect(confirmations.unconfirmedBytes).toBe(111);
    confirmations.pong(first);
    expect(confirmations.unconfirmedBytes).toBe(11);
    confirmations.pong(second);
    expect(confirmations.unconfirmedBytes).toBe(1);
  });

  it('call who waits for a PING when it is answered, or a later one, once', () => {
    const confirmations = new Confirmations();
    const answered: string[] = [];
    confirmations.ping(() => answered.push('first'));
    const second = confirmations.ping();
    const third = confirmations.ping(() => answered.push('third'));
    confirmations.pong(second);
    expect(answered).toEqual(['first']);
    confirmations.pong(second);
    confirmations.pong(third);
    expect(answered).toEqual(['first', 'third']);
  });

  it('need no answer to every PING', () => {
    const confirmations = new Confirmations();
    confirmations.sent(1);
    confirmations.ping();
    confirmations.sent(1);
    confirmations.pong(confirmations.ping());
    expect(confirmations.unconfirmedBytes).toBe(0);
  });

  it('know several PINGs with nothing between them by each of their numbers', () => {
    const confirmations = new Confirmations();
    confirmations.ping();
    confirmations.sent(1);
    const contexts = [confirmations.ping(), confirmations.ping()];
    confirmations.sent(1);
    confirmations.ping();
    confirmations.pong(contexts[1] as Buffer);
    expect(confirmations.unconfirmedBytes).toBe(1);
    confirmations.pong(contexts[0] as Buffer);
    expect(confirmations.unconfirmedBytes).toBe(1);
  });

  it('take answers without context one by one, which may be too little but never too much', () => {
    const confirmations = new Confirmations();
    confirmations.sent(1);
    confirmations.ping();
    confirmations.ping();
    confirmations.sent(1);
    confirmations.ping();
    confirmations.pong(NO_CONTEXT);
    expect(confirmations.unconfirmedBytes).toBe(1);
    confirmations.pong(NO_CONTEXT);
    expect(confirmations.unconfirmedBytes).toBe(1);
    confirmations.pong(NO_CONTEXT);
    expect(confirmations.unconfirmedBytes).toBe(0);
  });

  it('are not made by an answer to nothing', () => {
    const confirmations = new Confirmations();
    confirmations.sent(1);
    confirmations.pong(NO_CONTEXT);
    confirmations.pong(Buffer.from([0, 0, 0, 0, 0, 1]));
    confirmations.pong(Buffer.alloc(6, 0xff));
    expect(confirmations.unconfirmedBytes).toBe(1);
  });

  it('of a peer that answers nothing are bounded, and an answer then confirms too little at most', () => {
    const confirmations = new Confirmations();
    const contexts: Buffer[] = [];
    for (let i = 0; i < 5000; i += 1) {
      confirmations.sent(1);
      contexts.push(confirmations.ping());
    }
    confirmations.expectAtMost(4500);
    expect(confirmations.unconfirmedBytes).toBe(4500);
    for (const [index, context] of contexts.entries()) {
      confirmations.pong(context);
      expect(confirmations.unconfirmedBytes).toBeGreaterThanOrEqual(5000 - (index + 1) - 500);
    }
    expect(confirmations.unconfirmedBytes).toBe(0);
  });
});
