/** A program whose emitter is closed by leaving its scope (see close.test.ts). */
import { createDistributedEmitter } from 'demitter';

const [xsubAddress = '', xpubAddress = ''] = process.argv.slice(2);
{
  await using emitter = await createDistributedEmitter({ xsubAddress, xpubAddress });
  for (let sequence = 0; sequence < 500; sequence += 1) void emitter.emit('burst', { sequence });
}
console.log('closed');
