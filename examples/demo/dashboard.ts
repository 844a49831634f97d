/** The dashboard: listens to everything and says nothing. */
import { Service } from './service.js';

const service = await Service.create();

service.on('order:placed', () => undefined);
service.on('order:shipped', () => undefined);
service.on('payment:accepted', () => undefined);
service.on('payment:declined', () => undefined);
service.on('stock:changed', () => undefined);

await service.start();
service.finish();
