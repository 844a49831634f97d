/**
 * Notices that a file has changed, by looking at it: editors replace files by renaming, Kubernetes by switching a
 * symbolic link above them, and some file systems report nothing at all.
 *
 * What is being written is not there yet: a change counts when the file has stood still from one look to the next.
 */
import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** So a change counts after one to two of these. */
const LOOK_EVERY_MS = 250;

export class FileWatch {
  readonly #path: string;
  readonly #onChange: () => void;
  /** The file as it last counted, and as it was at the last look. */
  #known: string;
  #seen: string;
  #timer: NodeJS.Timeout | undefined;

  /** From this moment on, `onChange` is called after each change, also when the file vanishes or comes back. */
  constructor(path: string, onChange: () => void) {
    this.#path = path;
    this.#onChange = onChange;
    this.#known = fingerprint(statSync(path, { bigint: true, throwIfNoEntry: false }));
    this.#seen = this.#known;
    this.#wait();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const now = fingerprint(await stat(this.#path, { bigint: true }).catch(() => undefined));
    if (this.#timer === undefined) return;
    const counts = now !== this.#known && now === this.#seen;
    this.#seen = now;
    if (counts) this.#known = now;
    this.#wait();
    if (counts) this.#onChange();
  }
}

/** Whatever changes with the content. Nothing of a file that is not there, or must not be looked at. */
function fingerprint(stats: BigIntStats | undefined): string {
  return stats === undefined
    ? ''
    : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}
