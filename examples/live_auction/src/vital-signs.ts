/** How this process is: memory, processor, events, link, what was lost. */
import type { HouseEmitter, Vitals } from './protocol.js';

export class VitalSigns {
  readonly #emitter: HouseEmitter;
  #cpu = process.cpuUsage();
  #at = performance.now();
  #events = 0;
  /** How many events this process was told that it missed. */
  losses = 0;
  errors = 0;

  constructor(emitter: HouseEmitter) {
    this.#emitter = emitter;
    emitter.on('distributed:error', ({ type, missed }) => {
      this.errors += 1;
      if (type === 'loss') this.losses += missed ?? 1;
    });
  }

  /** An event was received, or a request handled. */
  count(): void {
    this.#events += 1;
  }

  /** Since the last call. */
  take(): Omit<Vitals, 'name' | 'role'> {
    const cpu = process.cpuUsage(this.#cpu);
    const elapsedMs = performance.now() - this.#at;
    const figures = {
      pid: process.pid,
      rssBytes: process.memoryUsage.rss(),
      cpuPercent: (cpu.user + cpu.system) / 10 / elapsedMs,
      eventsPerSecond: (this.#events * 1000) / elapsedMs,
      status: this.#emitter.status,
      latencyMs: this.#emitter.latency,
      losses: this.losses,
      errors: this.errors,
    };
    this.#cpu = process.cpuUsage();
    this.#at = performance.now();
    this.#events = 0;
    return figures;
  }
}
