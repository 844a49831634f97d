/**
 * Networks as people write them (`10.0.0.0/8`, `fd00::/8`, `192.0.2.7`) and the addresses that belong to them.
 *
 * IPv4 and IPv6 are kept apart, as a rule for one is none for the other, and an IPv4 address is one in whatever form it
 * comes: a socket that listens on both families reports `::ffff:192.0.2.7`.
 */
import { BlockList, isIP } from 'node:net';
import { isOwnAddress } from '../../address.js';
import { show } from '../../checks.js';

const MAPPED = '::ffff:';
const MAPPED_BITS = 96;

type Family = 'ipv4' | 'ipv6';

export class Networks {
  readonly #lists = { ipv4: new BlockList(), ipv6: new BlockList() };

  /** `cidrs` are what {@link checkNetwork} lets through. */
  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) {
      const network = parseNetwork(cidr);
      if (network !== undefined)
        this.#lists[network.family].addSubnet(network.address, network.bits, network.family);
    }
  }

  /** Whether one of them has `address`, a {@link plainAddress}. */
  has(address: string): boolean {
    const family = familyOf(address);
    return family !== undefined && this.#lists[family].check(address, family);
  }
}

/** @throws TypeError for what is no network. */
export function checkNetwork(name: string, value: unknown): string {
  if (typeof value === 'string' && parseNetwork(value) !== undefined) return value;
  throw new TypeError(
    `Expected ${name} to be networks like 10.0.0.0/8 or fd00::/8, or addresses, got ${show(value)}`,
  );
}

/** Whether a connection from `address` is one from this machine: its loopback, or an address of its own. */
export function isThisMachine(address: string): boolean {
  return address === '::1' || isOwnAddress(address);
}

/** An address as the system writes it, without the zone of a link-local address (`fe80::1%eth0`), and an IPv4 address as such. */
export function plainAddress(address: string): string {
  const [unzoned = ''] = address.split('%');
  const mapped = unzoned.toLowerCase().startsWith(MAPPED) ? unzoned.slice(MAPPED.length) : '';
  return isIP(mapped) === 4 ? mapped : unzoned;
}

function familyOf(address: string): Family | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}

function parseNetwork(cidr: string): { address: string; bits: number; family: Family } | undefined {
  const [, written = '', suffix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(cidr) ?? [];
  const address = plainAddress(written);
  const family = familyOf(address);
  if (family === undefined) return undefined;
  const width = family === 'ipv4' ? 32 : 128;
  if (suffix === undefined) return { address, bits: width, family };
  const bits = Number(suffix) - (address === written ? 0 : MAPPED_BITS);
  return bits < 0 || bits > width ? undefined : { address, bits, family };
}
