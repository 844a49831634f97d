import { describe, expect, it } from 'vitest';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import { TransportEnd } from './transport-end.js';
import { describeTransport, MAX_MESSAGE_BYTES } from './transport-suite.js';

const ADDRESSES = { xsubAddress: 'tcp://localhost:5555', xpubAddress: 'tcp://localhost:5556' };

describeTransport('memory', {
  supports: { processes: false, reconnects: false },
  async start() {
    const create = createMemoryTransport(new MemoryHub());
    return {
      create: (options) => create({ ...ADDRESSES, maxMessageBytes: MAX_MESSAGE_BYTES, ...options }),
      async [Symbol.asyncDispose]() {},
    };
  },
});

describe('createMemoryTransport()', () => {
  const context = { ...ADDRESSES, maxMessageBytes: 1_000 };

  it('without a hub - means one bus for the whole thread', async () => {
    await using one = await new TransportEnd(createMemoryTransport()(context))
      .subscribe('m')
      .open()
      .settled();
    await using two = await new TransportEnd(createMemoryTransport()(context)).open().up();
    two.send('m');
    expect(await one.received(1)).toEqual(['m']);
  });

  it('with hubs - keeps them apart', async () => {
    await using one = await new TransportEnd(createMemoryTransport(new MemoryHub())(context))
      .subscribe('')
      .open()
      .settled();
    await using two = await new TransportEnd(createMemoryTransport(new MemoryHub())(context)).open().up();
    two.send('m');
    await two.settled();
    await one.settled();
    expect(one.messages.all).toEqual([]);
  });

  it('close() - resolves when everything sent has arrived', async () => {
    const create = createMemoryTransport(new MemoryHub());
    await using receiver = await new TransportEnd(create(context)).subscribe('m').open().settled();
    await using sender = await new TransportEnd(create(context)).open().up();
    sender.transport.send(Buffer.from('m1'));
    sender.send('m2');
    await sender.transport.close(0);
    expect(receiver.texts()).toEqual(['m1', 'm2']);
  });

  it('counts a message as unconfirmed until every receiver has had it', async () => {
    const create = createMemoryTransport(new MemoryHub());
    await using sender = await new TransportEnd(create(context)).open().up();
    await using first = await new TransportEnd(create(context)).subscribe('m').open().settled();
    await using second = await new TransportEnd(create(context)).subscribe('m').open().settled();
    const counted: number[] = [];
    first.onMessage = () => void counted.push(sender.transport.unconfirmedBytes);
    second.onMessage = () => void counted.push(sender.transport.unconfirmedBytes);
    sender.send('m1');
    await second.received(1);
    expect(counted).toEqual([2, 2]);
    await sender.settled();
    expect(sender.transport.unconfirmedBytes).toBe(0);
  });
});
