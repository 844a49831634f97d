/**
 * Channels and what else there is beyond `emit` and `on`: a game whose players are in rooms.
 *
 * Run it with `npm run example:channels`. Server and player live in this process, and so does the forwarder between them;
 * in your system each would be a process of its own.
 */
import { createDistributedEmitter, createForwarder } from 'demitter';

type RoomEvents = {
  // Several arguments are a tuple.
  'player:moved': [x: number, y: number];
  'player:said': string;
  cursor: { x: number };
};
type ServerEvents = { 'room:closed': string };

await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
const { xsubAddress, xpubAddress } = forwarder;
// Another application on the same forwarder, in a namespace of its own, would see nothing of this one.
const options = { xsubAddress, xpubAddress, namespace: 'game' };

await using server = await createDistributedEmitter<ServerEvents>({ ...options, context: true });
await using player = await createDistributedEmitter<ServerEvents>(options);

// A channel is a view: nothing is made but a small object, and nobody is told until somebody listens.
const hall = server.channel<RoomEvents>('room:hall');
const cellar = server.channel<RoomEvents>('room:cellar');

{
  // `using` takes the listener off at the end of the block.
  using _moves = hall.on('player:moved', ([x, y]) => console.log(`hall    moved to ${x}, ${y}`), {
    filter: ([x]) => x > 0,
  });
  using _all = hall.onPattern('player:*', (name) => {
    const { publisherId, headers } = server.context() ?? {};
    const isPlayer = publisherId === player.id;
    console.log(`hall    ${name} by ${isPlayer ? 'the player' : 'somebody'}, ${JSON.stringify(headers)}`);
  });
  const said = cellar.once('player:said', { signal: AbortSignal.timeout(10_000) });
  const closed = server.once('room:closed');
  await server.ready();

  const room = player.channel<RoomEvents>('room:hall');
  // A function that carries its options: volatile events are sent now or never.
  const point = room.emission('cursor', { volatile: true });
  await room.emit('player:moved', [-1, 0]);
  await room.emit('player:moved', [3, 4], { headers: { seat: '12' } });
  await point({ x: 5 });
  await player.channel<RoomEvents>('room:cellar').emit('player:said', 'hello');
  await player.emit('room:closed', 'hall');

  // All of one emitter's events arrive in order, whatever their channels.
  console.log(`cellar  "${await said}"`);
  console.log(
    `server  room ${await closed} is closed; ${player.volatileDropped} volatile events were dropped`,
  );
}
