/**
 * Who may connect to which side: a pure function of the rules and of what ZeroMQ knows of who knocks.
 *
 * Both must hold, address and key. The answer is in effect for as long as the connection lasts.
 */
import type { Side } from '../settings.js';
import { type AuthorizedKeys, opens, type Rights } from './authorized-keys.js';

export interface AccessPolicy {
  /** Whether connections from this address are taken at all. */
  readonly takesAddress: (address: string) => boolean;
  /** Without keys, whoever has the address for it is admitted. */
  readonly keys: KeyPolicy | undefined;
}

export interface KeyPolicy {
  /** The forwarder's own public key, in Z85: who has its secret one is the forwarder, and checks its health. */
  readonly own: string;
  readonly authorized: AuthorizedKeys;
}

/** Who asks to connect. */
export interface Applicant {
  readonly side: Side;
  /** `undefined` over a Unix socket, where only processes of this machine can come from. */
  readonly address: string | undefined;
  /** ZeroMQ's name of the security mechanism: NULL, PLAIN, CURVE, GSSAPI. */
  readonly mechanism: string;
  /** With CURVE: the public key, in Z85, whose secret one the applicant has proved to have. */
  readonly key: string | undefined;
}

export type Verdict =
  | { readonly admitted: true; readonly name: string }
  | { readonly admitted: false; readonly because: 'address' | 'mechanism' | 'key' }
  | {
      readonly admitted: false;
      readonly because: 'rights';
      readonly name: string;
      readonly rights: Rights;
    };

/** What the forwarder's own key, and who needs none, is called. */
const OWN_NAME = 'forwarder';
const NAMELESS = 'anybody';

export function decide(policy: AccessPolicy, { side, address, mechanism, key }: Applicant): Verdict {
  if (address !== undefined && !policy.takesAddress(address)) return { admitted: false, because: 'address' };
  const expected = policy.keys === undefined ? 'NULL' : 'CURVE';
  if (mechanism !== expected) return { admitted: false, because: 'mechanism' };
  return policy.keys === undefined ? { admitted: true, name: NAMELESS } : decideKey(policy.keys, side, key);
}

function decideKey({ own, authorized }: KeyPolicy, side: Side, key: string | undefined): Verdict {
  if (key === undefined) return { admitted: false, because: 'key' };
  if (key === own) return { admitted: true, name: OWN_NAME };
  const client = authorized.get(key);
  if (client === undefined) return { admitted: false, because: 'key' };
  const { name, rights } = client;
  return opens(rights, side)
    ? { admitted: true, name }
    : { admitted: false, because: 'rights', name, rights };
}
