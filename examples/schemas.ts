/**
 * Schemas: what is emitted and what arrives is checked, and typed by what checks it.
 *
 * Run it with `npm run example:schemas`. Any library that keeps to Standard Schema will do; this is zod.
 */
import { createDistributedEmitter, createForwarder, ValidationError } from 'demitter';
import * as z from 'zod';

const schemas = {
  'user:login': z.object({ id: z.number(), at: z.coerce.date() }),
  half: { request: z.number().int(), answer: z.number() },
};

await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
const { xsubAddress, xpubAddress } = forwarder;
await using web = await createDistributedEmitter({ xsubAddress, xpubAddress, schemas });
await using audit = await createDistributedEmitter({ xsubAddress, xpubAddress, schemas });
// Another team's service, which has no schemas.
await using careless = await createDistributedEmitter({ xsubAddress, xpubAddress });

// `at` is a Date here: listeners get what the schema makes of the data.
audit.on('user:login', ({ id, at }) => console.log(`audit    user ${id} at ${at.toISOString()}`));
const told = audit.once('distributed:error');
audit.respond('half', (n) => n / 2);
await audit.ready();

await web.emit('user:login', { id: 7, at: '2026-01-01' });
console.log(`web      half of 9 is ${await web.request('half', 9)}`);

try {
  await web.emit('user:login', { id: 'seven', at: 'today' } as never);
} catch (error) {
  if (error instanceof ValidationError) console.log(`web      ${error.message}`);
}

await careless.emit('user:login', { id: null });
console.log(`audit    ${(await told).message}`);
