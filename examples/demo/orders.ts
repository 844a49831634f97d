/** The order service: takes orders, ships what was paid for, and at the end counts its stock, 10,000 events at once. */
import { setInterval } from 'node:timers/promises';
import { BURST } from './events.js';
import { Service } from './service.js';

const ORDERS = [
  { item: 'tea', euro: 7 },
  { item: 'piano', euro: 4200 },
  { item: 'cups', euro: 24 },
  { item: 'kettle', euro: 39 },
];
const CALM_MS = 400;

const service = await Service.create();

let open = ORDERS.length;
const answered = new Promise<void>((resolve) => {
  const answer = (): void => {
    open -= 1;
    if (open === 0) resolve();
  };
  service.on('payment:accepted', async ({ order }) => {
    await service.emit('order:shipped', { order });
    answer();
  });
  service.on('payment:declined', answer);
});

await service.start();

const clock = setInterval(CALM_MS);
for (const [index, order] of ORDERS.entries()) {
  await service.emit('order:placed', { order: index + 1, ...order });
  await clock[Symbol.asyncIterator]().next();
}
await answered;
await clock.return?.(undefined);

for (let n = 1; n <= BURST; n += 1) await service.emit('stock:changed', { n, left: BURST - n });
service.finish();
