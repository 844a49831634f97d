import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { settle } from '../../src/transport/zmtp/settling.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('settle() - asks again after pauses, until four PINGs were answered and 9 ms have passed', () => {
  const questions: (() => void)[] = [];
  const since = Date.now();
  let tookMs = Number.NaN;
  settle({ ping: (onAnswered) => void questions.push(onAnswered) }, () => {
    tookMs = Date.now() - since;
  });
  for (let answered = 0; answered < 4; answered += 1) {
    expect(questions).toHaveLength(answered + 1);
    questions[answered]?.();
    // The next one is not asked at once: time has to pass for the other side.
    expect(questions).toHaveLength(answered + 1);
    vi.runAllTimers();
  }
  expect(questions).toHaveLength(4);
  expect(tookMs).toBe(9);
});
