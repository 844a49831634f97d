/**
 * Basic usage: a shop and a warehouse that tell each other what happens.
 *
 * Run it with `npm run example:basic`. So that one command shows everything, both live in this process, and so does
 * the forwarder between them. In your system each would be a process of its own, and not a line of theirs would
 * change: what they emit goes over the network here, too.
 */
import { createDistributedEmitter, createForwarder } from 'demitter';

// Names and data in one place: a wrong name, or wrong data, does not compile.
type ShopEvents = {
  'order:placed': { id: number; items: Map<string, number>; at: Date };
  'order:shipped': { id: number; parcels: number };
  'shop:closed': undefined;
};

// The forwarder is what everybody connects to. Port 0 lets the system choose one that is free; without options it
// takes 5555 and 5556, which is also where emitters look for it. `await using` closes it at the end of the file.
await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
const { xsubAddress, xpubAddress } = forwarder;

await using shop = await createDistributedEmitter<ShopEvents>({ xsubAddress, xpubAddress });
await using warehouse = await createDistributedEmitter<ShopEvents>({ xsubAddress, xpubAddress });

// `on` hears events from everywhere. Values arrive as what they were: the Map is a Map, the Date a Date.
warehouse.on('order:placed', async ({ id, items, at }) => {
  const parcels = [...items.values()].reduce((sum, count) => sum + count, 0);
  console.log(`warehouse  order ${id} of ${at.toISOString()}: ${[...items.keys()].join(' and ')}`);
  await warehouse.emit('order:shipped', { id, parcels });
});

// All of Emittery works across processes: `onAny`, `once`, and async iterators as well.
warehouse.onAny((name) => console.log(`warehouse  heard of ${String(name)}`));
const closed = warehouse.once('shop:closed');
const shipped = shop.events('order:shipped');

// From here on nothing is missed: `ready` resolves when everything listened to so far is in force.
await Promise.all([shop.ready(), warehouse.ready()]);

// `emit` resolves when this process's own listeners are done and there is room to send more. It does not wait for
// anybody else, and the shop does not hear its own events back from the network.
await shop.emit('order:placed', { id: 1, items: new Map([['tea', 2]]), at: new Date() });
await shop.emit('order:placed', {
  id: 2,
  items: new Map([
    ['tea', 1],
    ['cups', 6],
  ]),
  at: new Date(),
});

// The events of one emitter arrive in the order in which it emitted them, so order 2 is the last one.
for await (const { id, parcels } of shipped) {
  console.log(`shop       order ${id} left the warehouse in ${parcels} parcels`);
  if (id === 2) break;
}

await shop.emit('shop:closed');
await closed;
console.log('warehouse  good night');
