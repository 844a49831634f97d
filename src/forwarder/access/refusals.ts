/** What the log says of a refusal, and what to do if it should not have been one. */
import { show } from '../../checks.js';
import type { AccessSettings } from '../settings.js';
import type { Applicant, Verdict } from './policy.js';

type Refusal = Extract<Verdict, { admitted: false }>;

export function describeRefusal(
  applicant: Applicant,
  refusal: Refusal,
  { from, keys }: AccessSettings,
): string {
  const { side, address = 'a process of this machine', key, mechanism } = applicant;
  const at = `at the ${side.toUpperCase()} side`;
  const file = show(keys?.authorizedKeys.path ?? '');
  switch (refusal.because) {
    case 'address': {
      const allowed = from === 'anywhere' || from.length === 0 ? 'only' : `only ${from.join(', ')} and`;
      const open = keys === undefined ? '; with keys, clients can be anywhere (docs/security.md)' : '';
      return `refused ${address} ${at}: ${allowed} this machine may connect. To let it in: --allow ${address}, or its network${open}`;
    }
    case 'mechanism':
      return `refused ${address} ${at}: it uses the mechanism ${show(mechanism)}, which this forwarder does not`;
    case 'key':
      return `refused ${address} ${at}: its public key ${key} is not authorized. To let it in, add the line \`NAME ${key} both\` to ${file}`;
    case 'rights':
      return `refused '${refusal.name}' from ${address} ${at}: it may ${refusal.rights} only. To let it in, change its rights in ${file}`;
  }
}
