import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock, Timer } from '@sluice/base/clock';

const SETTLE_MS = 200;
const POLL_MS = 5_000;
const MISSING = '';

/**
 * Calls `onChange` when a file was written or replaced, a moment after the last change. The system's notifications make it
 * quick; looking at the file every few seconds makes it sure.
 */
export class FileWatch {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #watcher: FSWatcher | undefined;
  #poll: Timer | undefined;
  #settle: Timer | undefined;
  /** What the file looked like, `undefined` before the first look. */
  #seen: string | undefined;
  #stopped = false;

  constructor(path: string, clock: Clock, onChange: () => void) {
    this.#path = path;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  start(): void {
    this.#poll = this.#clock.every(POLL_MS, () => void this.#look());
    void this.#look();
    try {
      // The directory, because a replaced file takes its notifications with it.
      this.#watcher = watch(dirname(this.#path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(this.#path)) this.#changed();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // Without notifications (no such directory yet, none left in the system) looking has to do.
      this.#watcher = undefined;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#watcher?.close();
    this.#poll?.cancel();
    this.#settle?.cancel();
  }

  #changed(): void {
    if (this.#stopped) return;
    this.#settle?.cancel();
    this.#settle = this.#clock.after(SETTLE_MS, this.#onChange);
  }

  async #look(): Promise<void> {
    const state = await stat(this.#path).then(
      ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
      () => MISSING,
    );
    const before = this.#seen;
    this.#seen = state;
    if (state !== MISSING && before !== undefined && before !== state) this.#changed();
  }
}
