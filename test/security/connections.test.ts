import { expect, test } from 'vitest';
import type { Attack } from '../support/attacker.js';
import { byForm, isLong, tellFigures } from '../support/fault-form.js';
import { summary } from '../support/oracle.js';
import { MIB, toMib } from '../support/process-memory.js';
import { underAttack } from '../support/under-attack.js';

interface Case {
  readonly title: string;
  readonly attacks: readonly Attack[];
}

const both = (of: (side: 'xsub' | 'xpub') => Attack): Attack[] => [of('xsub'), of('xpub')];

const LONG: readonly Case[] = [
  { title: 'nothing', attacks: [] },
  {
    title: '1,000 idle connections',
    attacks: both((side) => ({ name: 'idle', parameters: { side, connections: 500 } })),
  },
  {
    title: '5,000 idle connections',
    attacks: both((side) => ({ name: 'idle', parameters: { side, connections: 2500 } })),
  },
  ...[10, 64, 80].map((after) => ({
    title: `1,000 handshakes that stall after ${after} bytes`,
    attacks: both((side) => ({ name: 'stall', parameters: { side, connections: 500, after } })),
  })),
  {
    title: '1,000 slow handshakes',
    attacks: both((side) => ({ name: 'trickle', parameters: { side, connections: 500, everyMs: 100 } })),
  },
  ...(['handshake', 'ready'] as const).flatMap((stage) =>
    [
      { size: `${2n ** 63n}`, sent: 0, connections: 500 },
      { size: `${2 ** 31}`, sent: 0, connections: 500 },
      { size: '16842753', sent: 0, connections: 500 },
      { size: '16842752', sent: 0, connections: 500 },
      { size: '16842752', sent: 16_000_000, connections: 50 },
    ].map(({ size, sent, connections }) => ({
      title: `${2 * connections} frames of ${size} bytes, of which ${sent} come, stage ${stage}`,
      attacks: both((side) => ({ name: 'lie', parameters: { side, connections, size, sent, stage } })),
    })),
  ),
  { title: 'foreign peers', attacks: [{ name: 'foreign', parameters: { connections: 1000 } }] },
  ...[1, 10].flatMap((connections) =>
    [20, 100].map((bytes) => ({
      title: `1,000,000 topics of ${bytes} bytes on ${connections} connections`,
      attacks: [
        {
          name: 'topics' as const,
          parameters: { side: 'xpub' as const, connections, topics: 1_000_000, bytes },
        },
      ],
    })),
  ),
  {
    title: 'one topic of 10 MB',
    attacks: [{ name: 'topics', parameters: { side: 'xpub', connections: 1, topics: 1, bytes: 10_000_000 } }],
  },
  {
    title: '10,000 topics of 4,000 bytes',
    attacks: [{ name: 'topics', parameters: { side: 'xpub', connections: 1, topics: 10_000, bytes: 4000 } }],
  },
  {
    title: 'topics subscribed to and cancelled, on 10 connections',
    attacks: [
      {
        name: 'topics',
        parameters: { side: 'xpub', connections: 10, topics: 1e9, bytes: 20, cancelled: true },
      },
    ],
  },
  {
    title: 'topics sent to the publishers side',
    attacks: [
      { name: 'topics', parameters: { side: 'xsub', connections: 10, topics: 1_000_000, bytes: 20 } },
    ],
  },
  { title: '100 stalled subscribers', attacks: [{ name: 'stalled', parameters: { connections: 100 } }] },
  {
    title: '100 stalled subscribers, small messages',
    attacks: [
      { name: 'stalled', parameters: { connections: 100 } },
      { name: 'flood', parameters: { connections: 1, bytes: 100 } },
    ],
  },
  {
    title: 'a stalled subscriber, messages of the largest size',
    attacks: [
      { name: 'stalled', parameters: { connections: 1 } },
      { name: 'flood', parameters: { connections: 1, bytes: 16_000_000 } },
    ],
  },
  {
    title: '100,000 topics, and subscribers that come and go',
    attacks: [
      { name: 'topics', parameters: { side: 'xpub', connections: 1, topics: 100_000, bytes: 20 } },
      { name: 'churn', parameters: { side: 'xpub', connections: 10 } },
    ],
  },
  {
    title: 'connections that come and go',
    attacks: both((side) => ({ name: 'churn', parameters: { side, connections: 20 } })),
  },
  ...[1, 10].flatMap((connections) =>
    [10, 1000, 16_000_000].map((bytes) => ({
      title: `a flood of messages of ${bytes} bytes on ${connections} connections`,
      attacks: [{ name: 'flood' as const, parameters: { connections, bytes } }],
    })),
  ),
];

for (const { title, attacks } of isLong ? LONG : []) {
  test(title, async () => {
    const outcome = await underAttack({
      attacks,
      eventsPerSecond: 1000,
      beforeMs: byForm({ short: 200, long: 3000 }),
      attackMs: byForm({ short: 500, long: 6000 }),
      besideFirst: true,
    });
    const { verdict, tally, residentBefore, residentPeak, residentAfter } = outcome;
    tellFigures(title, {
      growth: `${toMib(residentPeak - residentBefore)} MiB`,
      afterwards: `${toMib(residentAfter - residentBefore)} MiB`,
      p99: `${outcome.p99Before.toFixed(1)} | ${outcome.p99Beside.toFixed(1)} | ${outcome.p99During.toFixed(1)} ms`,
      longest: `${outcome.longestDuring.toFixed(0)} ms`,
      newcomer: `${outcome.newcomerMs.toFixed(0)} ms`,
      attacker: `${tally.made} made, ${tally.dropped} dropped, ${toMib(tally.sent)} MiB`,
      honest: summary(verdict),
      told: outcome.told.join('; ') || 'nothing',
    });
    expect.soft(residentPeak - residentBefore).toBeLessThan(64 * MIB);
  });
}
