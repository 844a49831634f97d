/** What happens around a station, told to a scene: the sale, who comes and goes, how everybody is, what goes wrong. */
import type { Peer } from 'demitter';
import type { Listener } from './follow.js';
import { ROLES, type Role } from './protocol.js';
import { EMPTY_SCENE, type News, reduce, type Scene } from './scene.js';
import type { Station } from './station.js';

export class Stage {
  scene: Scene = EMPTY_SCENE;
  /** For {@link follow} or a witness. */
  readonly listener: Listener = {
    onHouse: (house) => this.#tell({ type: 'house', house }),
    onState: (auction, sentAt) => this.#tell({ type: 'state', auction, sentAt }),
    onCurve: (lot, curve) => this.#tell({ type: 'curve', lot, curve }),
    onTick: (lot, remainingMs) => this.#tell({ type: 'tick', lot, remainingMs }),
    onRefused: (lot, refusal) => this.#tell({ type: 'refused', lot, refusal }),
  };

  constructor({ emitter, name, role }: Station) {
    this.#tell({ type: 'join', id: emitter.id, name, role });
    emitter.on('distributed:join', (peer) => {
      if (peer.name !== undefined)
        this.#tell({ type: 'join', id: peer.id, name: peer.name, role: roleOf(peer) });
    });
    emitter.on('distributed:leave', ({ id, reason }) => this.#tell({ type: 'leave', id, reason }));
    emitter.on('vitals', (vitals) => this.#tell({ type: 'vitals', vitals }));
    emitter.on('distributed:status', ({ status }) => this.#tell({ type: 'status', status }));
    // Its own as well: what is emitted here is heard here.
    emitter.on('trouble', ({ from, type, message }) =>
      this.#tell({ type: 'trouble', from, kind: type, message }),
    );
  }

  #tell(news: News): void {
    this.scene = reduce(this.scene, news, Date.now());
  }
}

function roleOf({ meta }: Peer): Role {
  const { role } = (meta ?? {}) as { role?: unknown };
  return ROLES.find((known) => known === role) ?? 'spectator';
}
