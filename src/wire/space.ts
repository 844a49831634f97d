/**
 * Spaces: what a name is the name of. An event `a`, an event `a` in a channel, a request `a`, and each of them in a
 * namespace, have nothing to do with each other; their topics differ in what stands before the name (docs/protocol.md,
 * section 2).
 */
import { isWellFormed, toHexUnits } from './text.js';

/** Ends the namespace and the channel within a topic. */
const SEGMENT_END = '\x01';

export const NAMESPACE_KIND = 0x6e; /* n */

/** `reply` names are ids of emitters: those that asked. */
export type SpaceKind = 'event' | 'request' | 'reply';

/** The byte that stands for a kind, and for the same within a channel. */
const LETTERS: Readonly<Record<SpaceKind, readonly [plain: string, inChannel: string]>> = {
  event: ['e', 'E'],
  request: ['q', 'Q'],
  reply: ['r', 'R'],
};

export interface Space {
  readonly kind: SpaceKind;
  readonly channel: string | undefined;
  /** What all topics of the space begin with, and no others. */
  readonly prefix: Buffer;
  /** The same for every two equal spaces. */
  readonly key: string;
}

/** `namespace` is one that {@link isNamespace}. */
export function makeSpace(kind: SpaceKind, namespace = '', channel?: string): Space {
  const [plain, inChannel] = LETTERS[kind];
  const text =
    encodeNamespace(namespace) +
    (channel === undefined ? plain : `${inChannel}${encodeChannel(channel)}${SEGMENT_END}`);
  const prefix = Buffer.from(text, 'utf8');
  return { kind, channel, prefix, key: prefix.toString('latin1') };
}

/** Events that are in no channel and no namespace. */
export const EVENTS: Space = makeSpace('event');

/** Whether messages with this first byte, after the namespace if there is one, are events, requests or replies. */
export function isSpaceKind(kind: number | undefined): boolean {
  // Nearly always.
  return kind === EVENT_KIND || (kind !== undefined && SPACE_KINDS.has(kind));
}

const EVENT_KIND = 0x65; /* e */
const SPACE_KINDS: ReadonlySet<number> = new Set(
  Object.values(LETTERS).flatMap((letters) => letters.map((letter) => letter.charCodeAt(0))),
);

/** What a topic in the namespace begins with; nothing for the empty one. */
export function encodeNamespace(namespace: string): string {
  return namespace === '' ? '' : `n${namespace}${SEGMENT_END}`;
}

const NAMESPACE_FORM = /^[\w.:/-]{1,64}$/;

/** Letters, digits and `_.:/-`, 64 at most. */
export function isNamespace(text: string): boolean {
  return NAMESPACE_FORM.test(text);
}

/** As it is, or as hexadecimal UTF-16 units if it could not be told from what follows. */
function encodeChannel(channel: string): string {
  const isPlain = isWellFormed(channel) && !channel.includes('\0') && !channel.includes(SEGMENT_END);
  return isPlain ? `s${channel}` : `x${toHexUnits(channel)}`;
}
