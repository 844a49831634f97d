/**
 * Asks a running forwarder the only question that matters: does a message sent to one side come out of the other?
 *
 * Its topic begins with `h`, which no emitter uses or subscribes to (docs/protocol.md), so a check disturbs nobody.
 */
import { randomUUID } from 'node:crypto';
import { type Endpoint, formatEndpoint, toDialable } from '../address.js';
import { formatKey, type KeyPair } from '../keys.js';
import type { HealthSettings } from './options.js';

/** A message sent before the connections stand is lost, so it is repeated. */
const REPEAT_MS = 50;

export interface HealthReport {
  readonly healthy: boolean;
  /** The addresses asked. */
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  /** How long the answer took, or how long it was waited for. */
  readonly elapsedMs: number;
}

export async function checkHealth(settings: HealthSettings, timeoutMs: number): Promise<HealthReport> {
  const { Publisher, Subscriber } = await import('zeromq');
  const started = performance.now();
  const xsub = toDialable(settings.xsub.endpoint);
  const xpub = toDialable(settings.xpub.endpoint);
  const publisher = new Publisher();
  const subscriber = new Subscriber();
  for (const socket of [publisher, subscriber]) Object.assign(socket, curveOptions(settings.keys));
  const topic = `h${randomUUID()}\0`;
  publisher.linger = 0;
  subscriber.receiveTimeout = timeoutMs;
  publisher.ipv6 = needsIpv6(xsub);
  subscriber.ipv6 = needsIpv6(xpub);
  subscriber.subscribe(topic);
  subscriber.connect(formatEndpoint(xpub));
  publisher.connect(formatEndpoint(xsub));
  const timer = setInterval(() => void publisher.send(topic), REPEAT_MS);
  const healthy = await subscriber.receive().then(
    () => true,
    () => false,
  );
  clearInterval(timer);
  publisher.close();
  subscriber.close();
  return {
    healthy,
    xsubAddress: formatEndpoint(xsub),
    xpubAddress: formatEndpoint(xpub),
    elapsedMs: Math.round(performance.now() - started),
  };
}

/** The forwarder's own keys are a client's as well: it lets itself in. */
function curveOptions(keys: KeyPair | undefined): Record<string, string> {
  if (keys === undefined) return {};
  const publicKey = formatKey(keys.publicKey);
  const secretKey = formatKey(keys.secretKey.bytes);
  return { curveServerKey: publicKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
}

/** libzmq resolves names to IPv4 unless told otherwise, and a forwarder on all interfaces listens on that. */
function needsIpv6(endpoint: Endpoint): boolean {
  return endpoint.protocol === 'tcp' && endpoint.host.includes(':');
}
