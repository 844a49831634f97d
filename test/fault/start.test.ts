/**
 * Many processes start at once, and each emitter emits as soon as it is ready, while others still connect: whoever meets
 * a publisher in the middle of its stream gets it in order from there on, and is told of no loss.
 */
import { test } from 'vitest';
import { byForm, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, type FaultPeer, proveSettled } from '../support/fault-peer.js';
import { FaultStage } from '../support/fault-stage.js';
import { summary } from '../support/oracle.js';

const FORMS = { short: { rounds: 3, processes: 4, each: 6 }, long: { rounds: 30, processes: 8, each: 8 } };

/** Each emits under one half of the names and listens to the other. */
const HALVES = [
  ['even:0', 'even:1', 'even:2'],
  ['odd:0', 'odd:1', 'odd:2'],
] as const;

test('all start at once and emit at once: in order, nothing missing or told', async () => {
  const { rounds, processes, each } = byForm(FORMS);
  await using stage = await FaultStage.start();
  const peers = await Promise.all(Array.from({ length: processes }, () => stage.peer()));
  const start = async (peer: FaultPeer, half: 0 | 1, label: string): Promise<FaultEmitter> => {
    const emitter = await stage.emitter(peer, label, { listensTo: HALVES[half] });
    await emitter
      .joins()
      .load({ names: HALVES[1 - half] as readonly string[], count: 300, manner: { rate: 1000 } });
    return emitter;
  };
  for (let round = 0; round < rounds; round += 1) {
    const startHalf = (half: 0 | 1) =>
      Promise.all(
        peers.flatMap((peer) =>
          Array.from({ length: each }, (_, i) => start(peer, half, `round ${round}, half ${half}, ${i}`)),
        ),
      );
    const [even, odd] = await Promise.all([startHalf(0), startHalf(1)]);
    const verdicts = [
      await proveSettled(even, odd, { told: 'none' }),
      await proveSettled(odd, even, { told: 'none' }),
    ];
    tellFigures('all start at once and emit at once', {
      emitters: even.length + odd.length,
      events: verdicts.map(summary).join(' and '),
    });
    await Promise.all([...even, ...odd].map((emitter) => emitter.leave()));
  }
});
