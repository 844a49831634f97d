import { expect, test } from 'vitest';
import { Retention } from '../../src/delivery/retention/retention.js';
import { MessageKind } from '../../src/wire/batch.js';
import { encodeTopic } from '../../src/wire/topic.js';

const topic = (name: PropertyKey) => encodeTopic(name) as Buffer;

/** One emitter's retained values, at most 1 KiB of them, and what it says of them. */
function holder() {
  const said: unknown[] = [];
  const retention = new Retention(1, {
    namespace: '',
    maxBytes: 1024,
    now: () => 0,
    inForceSince: () => 0,
    latencyMs: () => 0,
    inForce: () => Promise.resolve(),
    subscribe: () => said.push('subscribes'),
    publish: () => {},
    flush: () => {},
    post: (_, { kind }) => said.push(kind === MessageKind.holder ? 'says so' : kind),
    answer: () => {},
    onFound: () => {},
    onForgotten: (count) => said.push(`forgot ${count}`),
  });
  return {
    said,
    retention,
    retain: (name: string, bytes: number) =>
      retention.retain(topic(name), 0, 0, Buffer.alloc(bytes), () => true),
  };
}

test('who begins to hold values says so, also when it held none for a while', () => {
  const { said, retention, retain } = holder();
  retention.linkReady();
  retain('a', 2000);
  expect(said.splice(0)).toEqual(['forgot 1']);
  retain('a', 10);
  retain('b', 10);
  expect(said.splice(0)).toEqual(['subscribes', 'says so']);
  for (const name of ['a', 'b']) retain(name, 2000);
  expect(said.splice(0)).toEqual(['forgot 1', 'forgot 1']);
  retain('a', 10);
  expect(said).toEqual(['says so']);
});
