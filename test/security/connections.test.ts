/**
 * Connections of those who do not belong: idle, stalled in their handshake, lying about lengths, flooding. Those who
 * belong lose nothing and get in, and the forwarder's memory stays within bounds. The long form tells figures for
 * each attack, for the table in docs/security.md; the short one makes many of them at once.
 */
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

/** The default of `maxMessageBytes`. */
const MAX_MESSAGE_BYTES = 16 * MIB + 64 * 1024;

const both = (of: (side: 'xsub' | 'xpub') => Attack): Attack[] => [of('xsub'), of('xpub')];

const SHORT: readonly Case[] = [
  {
    title: 'peers that never get as far as a message',
    attacks: [
      ...both((side) => ({ name: 'idle', parameters: { side, connections: 200 } })),
      ...both((side) => ({ name: 'stall', parameters: { side, connections: 50, after: 10 } })),
      ...both((side) => ({ name: 'stall', parameters: { side, connections: 50, after: 64 } })),
      ...both((side) => ({ name: 'stall', parameters: { side, connections: 50, after: 80 } })),
      ...both((side) => ({ name: 'trickle', parameters: { side, connections: 20, everyMs: 10 } })),
      { name: 'foreign', parameters: { connections: 42 } },
    ],
  },
  {
    title: 'peers that lie about the length of a frame',
    attacks: (['handshake', 'ready'] as const).flatMap((stage) =>
      [`${2n ** 63n}`, `${2 ** 31}`, `${MAX_MESSAGE_BYTES + 1}`, `${MAX_MESSAGE_BYTES}`].flatMap((size) =>
        both((side) => ({ name: 'lie', parameters: { side, connections: 10, size, sent: 0, stage } })),
      ),
    ),
  },
  {
    title: 'subscribers that send more than a subscription',
    attacks: (['handshake', 'ready'] as const).map((stage) => ({
      name: 'lie',
      parameters: {
        side: 'xpub',
        connections: 50,
        size: `${MAX_MESSAGE_BYTES}`,
        sent: MAX_MESSAGE_BYTES - 1,
        stage,
      },
    })),
  },
  {
    title: 'floods of topics, of messages and of connections',
    attacks: [
      { name: 'topics', parameters: { side: 'xpub', connections: 5, topics: 50_000, bytes: 10 } },
      { name: 'topics', parameters: { side: 'xsub', connections: 5, topics: 50_000, bytes: 10 } },
      { name: 'flood', parameters: { connections: 2, bytes: 10 } },
      { name: 'churn', parameters: { side: 'xsub', connections: 2 } },
    ],
  },
  {
    title: 'connections that come and go, and subscribers that do not read',
    attacks: [
      { name: 'stalled', parameters: { connections: 20 } },
      { name: 'flood', parameters: { connections: 1, bytes: 100 } },
      ...both((side) => ({ name: 'churn', parameters: { side, connections: 2 } })),
    ],
  },
];

const FORMS = {
  short: { eventsPerSecond: 500, beforeMs: 100, attackMs: 700, afterwardsMs: 0 },
  long: { eventsPerSecond: 1000, beforeMs: 3000, attackMs: 6000, afterwardsMs: 5000, besideFirst: true },
};
const MAX_GROWTH = 64 * MIB;

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

for (const { title, attacks } of isLong ? LONG : SHORT) {
  test(title, async () => {
    const outcome = await underAttack({ attacks, ...byForm(FORMS) });
    const { verdict, tally, residentBefore, residentPeak, residentAfter } = outcome;
    const { p99Before, p99Beside, p99During } = outcome;
    tellFigures(title, {
      growth: `${toMib(residentPeak - residentBefore)} MiB`,
      afterwards: `${toMib(residentAfter - residentBefore)} MiB`,
      'p99 before, beside, during': [p99Before, p99Beside, p99During].map((ms) => ms.toFixed(1)).join(', '),
      longest: `${outcome.longestDuring.toFixed(0)} ms`,
      newcomer: `${outcome.newcomerMs.toFixed(0)} ms`,
      attacker: `${tally.made} made, ${tally.dropped} dropped, ${toMib(tally.sent)} MiB`,
      honest: summary(verdict),
      told: outcome.told.join('; ') || 'nothing',
    });
    if (isLong) return;
    expect(residentPeak - residentBefore).toBeLessThan(MAX_GROWTH);
  });
}
