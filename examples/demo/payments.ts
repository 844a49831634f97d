/** The payment service: accepts what is cheap, declines what is not. */
import { Service } from './service.js';

const LIMIT_EURO = 1000;

const service = await Service.create();

service.on('order:placed', async ({ order, euro }) => {
  if (euro <= LIMIT_EURO) await service.emit('payment:accepted', { order });
  else await service.emit('payment:declined', { order, reason: `over ${LIMIT_EURO} euro` });
});
service.on('stock:changed', () => undefined);

await service.start();
service.finish();
