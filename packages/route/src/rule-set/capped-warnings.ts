const MAX_WARNINGS = 20;
const LONGEST_SHOWN = 100;

/** Tells of the first entries that are left out, and at the end how many more there were. */
export class CappedWarnings {
  readonly #warn: (message: string) => void;
  #count = 0;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** The message is made only when it is passed on. */
  add(message: () => string): void {
    if (++this.#count <= MAX_WARNINGS) this.#warn(message());
  }

  finish(): void {
    const more = this.#count - MAX_WARNINGS;
    if (more > 0) this.#warn(`${more} more entries are left out`);
  }
}

/** A text that may come from anywhere, short enough for a log line. */
export function shortened(text: string): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
