/** A way to a forwarder that can be disturbed: a fault proxy for each of the two connections of an emitter. */
import type { Addresses } from './fault-cluster.js';
import { FaultProxy } from './fault-proxy.js';

export class FaultWay implements AsyncDisposable {
  readonly xsub: FaultProxy;
  readonly xpub: FaultProxy;

  constructor(xsub: FaultProxy, xpub: FaultProxy) {
    this.xsub = xsub;
    this.xpub = xpub;
  }

  static async to({ xsubAddress, xpubAddress }: Addresses): Promise<FaultWay> {
    return new FaultWay(await FaultProxy.start(xsubAddress), await FaultProxy.start(xpubAddress));
  }

  get proxies(): readonly FaultProxy[] {
    return [this.xsub, this.xpub];
  }

  /** Where emitters connect that take this way. */
  get addresses(): Addresses {
    return { xsubAddress: this.xsub.address, xpubAddress: this.xpub.address };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}

/** Several ways to one forwarder, each disturbed for itself. */
export class FaultWays implements AsyncDisposable {
  readonly all: readonly FaultWay[];

  constructor(all: readonly FaultWay[]) {
    this.all = all;
  }

  static async to(forwarder: Addresses, count: number): Promise<FaultWays> {
    return new FaultWays(await Promise.all(Array.from({ length: count }, () => FaultWay.to(forwarder))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((way) => way[Symbol.asyncDispose]()));
  }
}
