import { expect, test } from 'vitest';
import { KeyWatch } from '../../src/wire/payload/key-watch.js';

function beBusy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('a pause, as for garbage, is no reason to refuse keys', () => {
  const watch = new KeyWatch();
  watch.begin();
  let inserted = 0;
  const insert = (i: number): void => {
    if (i === 100) beBusy(200);
    inserted += 1;
  };
  expect(watch.run(1_000, insert)).toBe(true);
  expect(inserted).toBe(1_000);
});

test('keys that are slow throughout are refused, over all collections of a message', () => {
  const watch = new KeyWatch();
  watch.begin();
  const slow = (i: number): void => {
    if (i % 128 === 0) beBusy(2);
  };
  let inserted = 0;
  while (inserted < 100_000 && watch.run(1_000, slow)) inserted += 1_000;
  expect(inserted).toBeLessThan(100_000);
  watch.begin();
  expect(watch.run(100, slow)).toBe(true);
});
