import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { settle } from '../../src/transport/zmtp/settling.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('settle() - asks again after a pause, until enough PINGs were answered', () => {
  const questions: (() => void)[] = [];
  let settled = 0;
  settle({ ping: (onAnswered) => void questions.push(onAnswered) }, () => {
    settled += 1;
  });
  let answered = 0;
  while (answered < questions.length) {
    expect(settled).toBe(0);
    expect(questions).toHaveLength(answered + 1);
    questions[answered]?.();
    answered += 1;
    // The next one is not asked at once: time has to pass for the other side.
    expect(questions).toHaveLength(answered);
    vi.runAllTimers();
  }
  expect(answered).toBeGreaterThanOrEqual(2);
  expect(settled).toBe(1);
});
