/** Listens to the house, and to every auction as it is opened, and passes on what is told. */
import type { Events, HouseEmitter, HouseNews } from './protocol.js';
import { auctionChannel } from './protocol.js';
import type { CurvePoint } from './sale/curve.js';
import type { Auction } from './sale/rules.js';

export interface Listener {
  onHouse(house: HouseNews): void;
  /** `at`: when that was emitted, or `undefined` if it is a retained value, which may be old. */
  onState(auction: Auction, at: number | undefined): void;
  onTick?(lot: string, remainingMs: number): void;
  onCurve?(lot: string, curve: readonly CurvePoint[]): void;
  onRefused?(lot: string, refusal: Events['refused']): void;
}

/** The emitter needs the option `context`, by which retained values are told from new ones. */
export function follow(emitter: HouseEmitter, listener: Listener): void {
  let sale: string | undefined;
  const followed = new Set<string>();
  const stops: (() => void)[] = [];

  emitter.on('house', (house) => {
    listener.onHouse(house);
    if (house.sale !== sale) {
      for (const stop of stops.splice(0)) stop();
      followed.clear();
      sale = house.sale;
    }
    for (let id = 1; id <= house.begun; id += 1) followLot(house.sale, `${id}`);
  });

  function followLot(currentSale: string, lot: string): void {
    if (followed.has(lot)) return;
    followed.add(lot);
    const channel = emitter.channel(auctionChannel(currentSale, lot));
    stops.push(
      channel.on('state', ({ auction, at }) => {
        listener.onState(auction, emitter.context()?.retained ? undefined : at);
      }),
    );
    const { onTick, onCurve, onRefused } = listener;
    if (onTick) stops.push(channel.on('tick', ({ remainingMs }) => onTick(lot, remainingMs)));
    if (onCurve) stops.push(channel.on('curve', (curve) => onCurve(lot, curve)));
    if (onRefused) stops.push(channel.on('refused', (refusal) => onRefused(lot, refusal)));
  }
}
