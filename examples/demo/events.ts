/** The shop's events: what the three services of the demo say to each other. */
export type ShopEvents = {
  'order:placed': { order: number; item: string; euro: number };
  'order:shipped': { order: number };
  'payment:accepted': { order: number };
  'payment:declined': { order: number; reason: string };
  'stock:changed': { n: number; left: number };
};

export type EventName = keyof ShopEvents;

/** How many `stock:changed` the order service emits in one go. */
export const BURST = 10_000;
