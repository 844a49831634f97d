/**
 * A forwarder's gate: asked by ZeroMQ about every peer, it answers by the policy, tells of refusals, and notices when
 * somebody who is in does not belong there any more.
 */
import { formatKey, type KeyPair } from '../../keys.js';
import type { Notice, ProxySettings, Report, Side } from '../settings.js';
import { KeyList } from './key-list.js';
import { isThisMachine, Networks, plainAddress } from './networks.js';
import { isGuarded } from './openness.js';
import { type Applicant, decide, type KeyPolicy, type Verdict } from './policy.js';
import { RefusalLog } from './refusal-log.js';
import { describeRefusal } from './refusals.js';
import { readServerKeys, warnOfServerKeys } from './secret-key.js';
import { joinZap, type ZapPlace, type ZapRequest } from './zap.js';

type Zeromq = typeof import('zeromq');

/** What a socket has to be told before it is bound. */
export interface SocketSecurity {
  readonly zapDomain?: string;
  readonly zapEnforceDomain?: boolean;
  readonly curveServer?: boolean;
  readonly curveSecretKey?: string;
}

export class Gate {
  readonly #settings: ProxySettings;
  readonly #onRevoked: (names: readonly string[]) => void;
  readonly #refusals: RefusalLog;
  readonly #takesAddress: (address: string) => boolean;
  readonly #ownKeys: KeyPair | undefined;
  readonly #keyList: KeyList | undefined;
  /** By side, the names of those who came in, by their keys. They may have left. */
  readonly #admitted: Record<Side, Map<string, string>> = { xsub: new Map(), xpub: new Map() };
  #place: ZapPlace | undefined;

  private constructor(
    settings: ProxySettings,
    report: Report,
    onRevoked: (names: readonly string[]) => void,
  ) {
    const { from, keys } = settings.access;
    this.#settings = settings;
    this.#onRevoked = onRevoked;
    this.#refusals = new RefusalLog(report);
    this.#takesAddress = addressRule(from);
    if (keys === undefined) return;
    this.#ownKeys = readServerKeys(keys.secretKey);
    const warning = warnOfServerKeys(keys.secretKey);
    if (warning !== undefined) report({ level: 'warn', message: warning });
    this.#keyList = new KeyList(keys.authorizedKeys, report, () => this.#review());
  }

  /**
   * `onRevoked` is told who was admitted and would not be now: their connections have to be cut.
   *
   * @throws TypeError for a file of keys that cannot be read or is wrong.
   */
  static async open(
    zmq: Zeromq,
    settings: ProxySettings,
    report: Report,
    onRevoked: (names: readonly string[]) => void,
  ): Promise<Gate> {
    const gate = new Gate(settings, report, onRevoked);
    try {
      gate.#place = await joinZap(zmq, (request) => gate.#judge(request));
    } catch (error) {
      gate.#keyList?.close();
      throw error;
    }
    return gate;
  }

  /** What the sockets have to be made in. */
  get context(): ZapPlace['context'] {
    return this.#joined.context;
  }

  securityOf(side: Side): SocketSecurity {
    const { access } = this.#settings;
    const keys = this.#ownKeys;
    if (!isGuarded(this.#settings, side)) return {};
    const asked = { zapDomain: this.#joined.domainOf(side), zapEnforceDomain: true };
    if (access.keys === undefined || keys === undefined) return asked;
    return { ...asked, curveServer: true, curveSecretKey: formatKey(keys.secretKey.bytes) };
  }

  reloadKeys(): void {
    this.#keyList?.reload();
  }

  /** To be called when all connections are closed and none can be made. */
  forgetAdmitted(): void {
    this.#admitted.xsub.clear();
    this.#admitted.xpub.clear();
  }

  /** To be called when the sockets are gone. */
  async close(): Promise<void> {
    this.#keyList?.close();
    await this.#place?.leave();
  }

  get #joined(): ZapPlace {
    if (this.#place === undefined) throw new Error('the gate is not open');
    return this.#place;
  }

  #judge({ side, address, mechanism, credentials }: ZapRequest): boolean {
    const [key] = credentials;
    const applicant: Applicant = {
      side,
      address: this.#settings[side].endpoint.protocol === 'ipc' ? undefined : plainAddress(address),
      mechanism,
      key: mechanism === 'CURVE' && key !== undefined ? formatKey(key) : undefined,
    };
    const verdict = this.#decide(applicant);
    if (!verdict.admitted) {
      this.#tellRefusal(applicant, verdict);
      return false;
    }
    if (applicant.key !== undefined) this.#admitted[side].set(applicant.key, verdict.name);
    return true;
  }

  #decide(applicant: Applicant): Verdict {
    return decide({ takesAddress: this.#takesAddress, keys: this.#keyPolicy }, applicant);
  }

  get #keyPolicy(): KeyPolicy | undefined {
    if (this.#ownKeys === undefined || this.#keyList === undefined) return undefined;
    return { own: formatKey(this.#ownKeys.publicKey), authorized: this.#keyList.keys };
  }

  #tellRefusal(applicant: Applicant, verdict: Extract<Verdict, { admitted: false }>): void {
    const { side, address, key } = applicant;
    const same = [side, verdict.because, address, verdict.because === 'address' ? '' : key].join(' ');
    this.#refusals.tell(
      same,
      (): Notice => ({
        level: 'warn',
        message: describeRefusal(applicant, verdict, this.#settings.access),
      }),
    );
  }

  /** The rules have changed: who is in that would not get in now? */
  #review(): void {
    const revoked = new Set<string>();
    for (const side of ['xsub', 'xpub'] as const) {
      for (const [key, name] of this.#admitted[side]) {
        const { admitted } = this.#decide({ side, key, address: undefined, mechanism: 'CURVE' });
        if (!admitted) revoked.add(name);
      }
    }
    if (revoked.size > 0) this.#onRevoked([...revoked]);
  }
}

function addressRule(from: ProxySettings['access']['from']): (address: string) => boolean {
  if (from === 'anywhere') return () => true;
  const networks = new Networks(from);
  return (address) => networks.has(address) || isThisMachine(address);
}
