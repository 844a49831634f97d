/**
 * Retained values: who comes late gets the present state first.
 *
 * Run it with `npm run example:retained`.
 */
import { createDistributedEmitter, createForwarder } from 'demitter';

type Prices = { price: { item: string; cents: number } };

await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
const { xsubAddress, xpubAddress } = forwarder;
await using shop = await createDistributedEmitter<Prices>({ xsubAddress, xpubAddress });

const lamps = shop.channel('lamps');
await lamps.emit('price', { item: 'lamp', cents: 4150 }, { retain: true });
await lamps.emit('price', { item: 'lamp', cents: 3900 }, { retain: true });

// A dashboard that is started later, or restarted, knows the price at once.
await using dashboard = await createDistributedEmitter<Prices>({ xsubAddress, xpubAddress, context: true });
const seen = new Promise<void>((resolve) => {
  dashboard.channel('lamps').on('price', ({ item, cents }) => {
    const what = dashboard.context()?.retained ? 'is' : 'becomes';
    console.log(`dashboard  the ${item} ${what} ${(cents / 100).toFixed(2)}`);
    if (cents === 3500) resolve();
  });
});
await dashboard.channel('lamps').once('price');

await lamps.emit('price', { item: 'lamp', cents: 3500 }, { retain: true });
await seen;
