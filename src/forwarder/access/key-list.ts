/** The authorized keys as they are now: read again when their file changes, and kept if it is broken. */
import type { NamedFile, Report } from '../settings.js';
import { type AuthorizedKeys, readAuthorizedKeys } from './authorized-keys.js';
import { FileWatch } from './file-watch.js';

export class KeyList {
  readonly #file: NamedFile;
  readonly #report: Report;
  readonly #onChange: () => void;
  readonly #watch: FileWatch;
  #keys: AuthorizedKeys;

  /** @throws TypeError if the file cannot be read or is broken: at the start, there is no last good list. */
  constructor(file: NamedFile, report: Report, onChange: () => void) {
    this.#file = file;
    this.#report = report;
    this.#onChange = onChange;
    // Before it is read: what changes in between is noticed.
    this.#watch = new FileWatch(file.path, () => this.reload());
    try {
      this.#keys = readAuthorizedKeys(file);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get keys(): AuthorizedKeys {
    return this.#keys;
  }

  reload(): void {
    const { size } = this.#keys;
    try {
      this.#keys = readAuthorizedKeys(this.#file);
    } catch (error) {
      const { message } = error as Error;
      this.#report({
        level: 'error',
        message: `the authorized keys stay as they were (${size} clients): ${message}`,
      });
      return;
    }
    this.#report({ level: 'info', message: `authorized keys read again: ${this.#keys.size} clients` });
    this.#onChange();
  }

  close(): void {
    this.#watch.close();
  }
}
