/** A process that attacks a forwarder as it is told over IPC (attacker.ts), and says what it did. */
import { Assailant, type Ports } from './assailant.js';
import { ATTACKS, type AttackName } from './attacks.js';

export interface Order {
  readonly attacks?: readonly { readonly name: AttackName; readonly parameters: never }[];
}

const assailant = new Assailant(JSON.parse(process.argv[2] ?? '{}') as Ports);

process.on('message', async ({ attacks }: Order) => {
  if (attacks === undefined) {
    process.send?.(await assailant.end());
    process.disconnect();
    return;
  }
  for (const { name, parameters } of attacks) await ATTACKS[name](assailant, parameters);
  process.send?.('in place');
});
// The test is gone: so is what this process is for.
process.on('disconnect', () => process.exit());
process.send?.('started');
