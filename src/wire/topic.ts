/**
 * Topics: the bytes a message begins with, by which the forwarder routes it (docs/protocol.md, section 2).
 *
 * The topic of a name is the prefix of its space, a type tag, the name, and a NUL that ends it. ZeroMQ matches subscriptions by
 * prefix; as no topic contains a NUL before its end, a subscription to a whole topic matches that topic alone:
 * `user` does not get `user:login`. Every name has exactly one topic and every topic at most one name.
 */
import { isUtf8 } from 'node:buffer';
import { EVENTS, encodeNamespace, type Space } from './space.js';
import { fromHexUnits, isWellFormed, toHexUnits } from './text.js';

/** The first byte of a message that is for delivery itself; those of names are in space.ts. */
export const TopicKind = {
  all: 0x61 /* a */,
  inbox: 0x69 /* i */,
  presence: 0x6d /* m */,
  probe: 0x70 /* p */,
  retained: 0x76 /* v */,
} as const;

export const TOPIC_END = 0x00;

/** The topic on which every emitter of a namespace is spoken to. */
export function allEmittersTopic(namespace = ''): Buffer {
  return Buffer.from(`${encodeNamespace(namespace)}a\0`, 'latin1');
}

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

/** The topic of a name, or `undefined` for a name that stays in this process. */
export function encodeTopic(name: PropertyKey, space: Space = EVENTS): Buffer | undefined {
  const text = encodeName(name);
  return text === undefined ? undefined : Buffer.concat([space.prefix, Buffer.from(`${text}\0`, 'utf8')]);
}

/** What the topics of all names begin with that are strings and begin with `start`: one of these. */
export function encodeNamePrefixes(start: string, space: Space = EVENTS): Buffer[] {
  const prefixOf = (text: string): Buffer => Buffer.concat([space.prefix, Buffer.from(text, 'utf8')]);
  const hex = prefixOf(`${Tag.stringHex}${toHexUnits(start)}`);
  if (!isPlainText(start)) return [hex];
  const plain = prefixOf(`${Tag.string}${start}`);
  // What follows may call for the hexadecimal form where the beginning does not, unless that gets too long.
  return hex.length < MAX_TOPIC_BYTES ? [plain, hex] : [plain];
}

function encodeName(name: PropertyKey): string | undefined {
  switch (typeof name) {
    case 'string':
      return name.startsWith(RESERVED_NAME_PREFIX) ? undefined : encodeText(name, Tag.string, Tag.stringHex);
    case 'number':
      return `${Tag.number}${name}`;
    case 'symbol': {
      // Only registered symbols mean the same in another process.
      const key = Symbol.keyFor(name);
      return key === undefined ? undefined : encodeText(key, Tag.symbol, Tag.symbolHex);
    }
  }
}

function encodeText(text: string, plain: string, hex: string): string {
  return isPlainText(text) ? `${plain}${text}` : `${hex}${toHexUnits(text)}`;
}

function isPlainText(text: string): boolean {
  return isWellFormed(text) && !text.includes('\0');
}

/** The name a whole topic (with its NUL) stands for in `space`, or `undefined` if it is no canonical topic of one. */
export function decodeTopic(topic: Buffer, space: Space = EVENTS): PropertyKey | undefined {
  const tagAt = space.prefix.length;
  const end = topic.length - 1;
  if (end <= tagAt || topic[end] !== TOPIC_END || !isUtf8(topic)) return undefined;
  const tag = String.fromCharCode(topic[tagAt] as number);
  const name = decodeName(tag, topic.toString('utf8', tagAt + 1, end));
  // One name, one topic: whatever would not be written so is not ours.
  return name !== undefined && encodeTopic(name, space)?.equals(topic) ? name : undefined;
}

/**
 * Registered symbols live as long as the process, and a stranger may make up any number of them: so many that came from the
 * network, of so many characters, are made one here. Those that are listened to by themselves need not be.
 */
const MAX_SYMBOLS = 65_536;
const MAX_SYMBOL_CHARACTERS = 4 * 1024 * 1024;
const symbolTexts = new Set<string>();
let symbolCharacters = 0;

function symbolOf(text: string): symbol | undefined {
  if (!symbolTexts.has(text)) {
    if (symbolTexts.size >= MAX_SYMBOLS || symbolCharacters + text.length > MAX_SYMBOL_CHARACTERS)
      return undefined;
    symbolTexts.add(text);
    symbolCharacters += text.length;
  }
  return Symbol.for(text);
}

function decodeName(tag: string, text: string): PropertyKey | undefined {
  switch (tag) {
    case Tag.string:
      return text;
    case Tag.stringHex:
      return fromHexUnits(text);
    case Tag.number:
      return Number(text);
    case Tag.symbol:
      return symbolOf(text);
    case Tag.symbolHex: {
      const key = fromHexUnits(text);
      return key === undefined ? undefined : symbolOf(key);
    }
    default:
      return undefined;
  }
}

/** The topic on which those are asked who hold retained values. */
export function retainedTopic(namespace = ''): Buffer {
  return Buffer.from(`${encodeNamespace(namespace)}v\0`, 'latin1');
}

/** The topic on which one emitter alone is spoken to. */
export function inboxTopic(id: string): Buffer {
  return Buffer.from(`i${id}\0`, 'latin1');
}

/** Two, so that who only lets itself be counted need not hear of everybody else: */
const PRESENCE_PARTS = { news: 'n', rollCalls: 'r' } as const;

/** The topic of what emitters say of themselves (`news`), or of the calls to say it (`rollCalls`). */
export function presenceTopic(part: keyof typeof PRESENCE_PARTS, namespace = ''): Buffer {
  return Buffer.from(`${encodeNamespace(namespace)}m${PRESENCE_PARTS[part]}\0`, 'latin1');
}

/**
 * The topic of an emitter's `round`th probe. Each round has its own, subscribed to after every other subscription:
 * subscriptions take force in order, so that the probe's return proves all the earlier ones.
 */
export function probeTopic(id: string, round: number): Buffer {
  return Buffer.from(`p${id}.${round}\0`, 'latin1');
}
