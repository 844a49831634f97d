/**
 * Requests: one emitter asks, another one answers.
 *
 * Run it with `npm run example:requests`.
 */
import { createDistributedEmitter, createForwarder, type Request } from 'demitter';

type Services = {
  sum: Request<{ x: number; y: number }, number>;
  load: Request<undefined, number>;
  weather: Request<string, string>;
};

await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
const { xsubAddress, xpubAddress } = forwarder;
await using client = await createDistributedEmitter<Services>({ xsubAddress, xpubAddress });
await using first = await createDistributedEmitter<Services>({ xsubAddress, xpubAddress });
await using second = await createDistributedEmitter<Services>({ xsubAddress, xpubAddress });

first.respond('sum', ({ x, y }) => {
  if (!Number.isFinite(x + y)) throw new RangeError('the sum is not finite');
  return x + y;
});
first.respond('load', () => 0.3);
second.respond('load', () => 0.7);
await Promise.all([first.ready(), second.ready()]);

console.log(`1 + 2 = ${await client.request('sum', { x: 1, y: 2 })}`);

// Nobody answers this: after the time-out, it rejects, or resolves with the fallback.
console.log(await client.request('weather', 'here', { timeout: 200, fallback: 'weather unknown' }));

// What the handler throws comes back.
await client
  .request('sum', { x: 1, y: Infinity })
  .catch((error) => console.log(`${error.name}: ${error.message}`));

// All answers, until none has come for 100 ms.
for await (const answer of client.requestMany('load', undefined, { stall: 100 })) {
  if (answer.status === 'fulfilled') console.log(`a load of ${answer.value}`);
}
