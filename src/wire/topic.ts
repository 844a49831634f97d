/**
 * Topics: the bytes a message begins with, by which the forwarder routes it (docs/protocol.md, section 2).
 *
 * A topic is a kind, for events a type tag and the name, and a NUL that ends it. ZeroMQ matches subscriptions by
 * prefix; as no topic contains a NUL before its end, a subscription to a whole topic matches that topic alone:
 * `user` does not get `user:login`. Every name has exactly one topic and every topic at most one name.
 */
import { isUtf8 } from 'node:buffer';

/** The first byte of a message: what kind of topic it has. */
export const TopicKind = {
  all: 0x61 /* a */,
  event: 0x65 /* e */,
  inbox: 0x69 /* i */,
  presence: 0x6d /* m */,
  probe: 0x70 /* p */,
} as const;

/** Subscribed to for `onAny` and `anyEvent`: the prefix of every event's topic. */
export const ALL_EVENTS: Buffer = Buffer.from([TopicKind.event]);

export const TOPIC_END = 0x00;

/** The topic on which every emitter is spoken to. */
export const ALL_EMITTERS: Buffer = Buffer.from([TopicKind.all, TOPIC_END]);

/** Names that begin so are the library's own: never sent, never accepted from the network. */
export const RESERVED_NAME_PREFIX = 'distributed:';

/** Tags of event names. The hexadecimal forms carry what UTF-8 and the NUL terminator cannot. */
const Tag = {
  string: 's',
  stringHex: 'x',
  number: 'n',
  symbol: 'y',
  symbolHex: 'z',
} as const;

/** A longer topic is not sent and not subscribed to: the forwarder keeps every topic of every subscriber in memory. */
export const MAX_TOPIC_BYTES = 4096;

/** The topic of an event name, or `undefined` for a name that stays in this process. */
export function encodeTopic(name: PropertyKey): Buffer | undefined {
  switch (typeof name) {
    case 'string':
      return name.startsWith(RESERVED_NAME_PREFIX) ? undefined : textTopic(name, Tag.string, Tag.stringHex);
    case 'number':
      return Buffer.from(`e${Tag.number}${name}\0`, 'latin1');
    case 'symbol': {
      // Only registered symbols mean the same in another process.
      const key = Symbol.keyFor(name);
      return key === undefined ? undefined : textTopic(key, Tag.symbol, Tag.symbolHex);
    }
  }
}

function textTopic(text: string, plain: string, hex: string): Buffer {
  if (isWellFormed(text) && !text.includes('\0')) return Buffer.from(`e${plain}${text}\0`, 'utf8');
  const units = Buffer.from(text, 'utf16le').swap16().toString('hex');
  return Buffer.from(`e${hex}${units}\0`, 'latin1');
}

/** UTF-8 has no bytes for a lone surrogate: encoding one would make two names equal. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** The name a whole topic (with its NUL) stands for, or `undefined` if it is no canonical topic of an event. */
export function decodeTopic(topic: Buffer): PropertyKey | undefined {
  if (topic.length < 3 || topic[0] !== TopicKind.event || topic[topic.length - 1] !== TOPIC_END)
    return undefined;
  if (!isUtf8(topic)) return undefined;
  const tag = String.fromCharCode(topic[1] as number);
  const text = topic.toString('utf8', 2, topic.length - 1);
  const name = decodeName(tag, text);
  // One name, one topic: whatever would not be written so is not ours.
  return name !== undefined && encodeTopic(name)?.equals(topic) ? name : undefined;
}

function decodeName(tag: string, text: string): PropertyKey | undefined {
  switch (tag) {
    case Tag.string:
      return text;
    case Tag.stringHex:
      return decodeHex(text);
    case Tag.number:
      return Number(text);
    case Tag.symbol:
      return Symbol.for(text);
    case Tag.symbolHex: {
      const key = decodeHex(text);
      return key === undefined ? undefined : Symbol.for(key);
    }
    default:
      return undefined;
  }
}

function decodeHex(text: string): string | undefined {
  return /^(?:[0-9a-f]{4})*$/.test(text) ? Buffer.from(text, 'hex').swap16().toString('utf16le') : undefined;
}

/** The topic on which one emitter alone is spoken to. */
export function inboxTopic(id: string): Buffer {
  return Buffer.from(`i${id}\0`, 'latin1');
}

/** Two, so that who only lets itself be counted need not hear of everybody else: */
const PRESENCE_PARTS = { news: 'n', rollCalls: 'r' } as const;

/** The topic of what emitters say of themselves (`news`), or of the calls to say it (`rollCalls`). */
export function presenceTopic(part: keyof typeof PRESENCE_PARTS): Buffer {
  return Buffer.from(`m${PRESENCE_PARTS[part]}\0`, 'latin1');
}

/**
 * The topic of an emitter's `round`th probe. Each round has its own, subscribed to after every other subscription:
 * subscriptions take force in order, so that the probe's return proves all the earlier ones.
 */
export function probeTopic(id: string, round: number): Buffer {
  return Buffer.from(`p${id}.${round}\0`, 'latin1');
}
