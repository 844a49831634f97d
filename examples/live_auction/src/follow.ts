/** Listens to the house, and to every auction as it is opened, and passes on what is told. */
import type { Events, HouseEmitter, HouseNews } from './protocol.js';
import { auctionChannel } from './protocol.js';
import type { CurvePoint } from './sale/curve.js';
import type { Auction } from './sale/rules.js';

export interface Listener {
  /** Before each of the others. */
  onEvent?(): void;
  onHouse(house: HouseNews): void;
  /** `at`: when that was emitted, or `undefined` if it is a retained value, which may be old. */
  onState(auction: Auction, at: number | undefined): void;
  onTick?(lot: string, remainingMs: number): void;
  onCurve?(lot: string, curve: readonly CurvePoint[]): void;
  onRefused?(lot: string, refusal: Events['refused']): void;
}

/** The emitter needs the option `context`, by which retained values are told from new ones. */
export function follow(emitter: HouseEmitter, listener: Listener): void {
  const { onEvent, onTick, onCurve, onRefused } = listener;
  let sale: string | undefined;
  const followed = new Set<string>();
  const stops: (() => void)[] = [];

  emitter.on('house', (house) => {
    onEvent?.();
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
        onEvent?.();
        listener.onState(auction, emitter.context()?.retained ? undefined : at);
      }),
    );
    const hear =
      <Data>(call: (lot: string, data: Data) => void) =>
      (data: Data) => {
        onEvent?.();
        call(lot, data);
      };
    if (onTick) {
      const tick = hear<Events['tick']>((id, { remainingMs }) => onTick(id, remainingMs));
      stops.push(channel.on('tick', tick));
    }
    if (onCurve) stops.push(channel.on('curve', hear(onCurve)));
    if (onRefused) stops.push(channel.on('refused', hear(onRefused)));
  }
}
