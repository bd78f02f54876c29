/** The collections whose ids are made of an exchange's key. */
export type RecordPrefix = 'req' | 'res' | 'modres';

const NUMBERS_PER_MS = 1000;

/** `<prefix>_<ms>_<n>`; `key` is `ms * 1000 + n`. */
export function formatRecordId(prefix: RecordPrefix | 'rule', key: number): string {
  const ms = Math.floor(key / NUMBERS_PER_MS);
  return `${prefix}_${ms}_${key - ms * NUMBERS_PER_MS}`;
}

/** The key of an id in exactly the form that `formatRecordId` gives it, else `undefined`. */
export function parseRecordId(prefix: RecordPrefix, id: string): number | undefined {
  const match = /^([a-z]+)_([1-9]\d{0,13})_(0|[1-9]\d{0,2})$/.exec(id);
  if (match === null || match[1] !== prefix) return undefined;
  return Number(match[2]) * NUMBERS_PER_MS + Number(match[3]);
}

/** Gives out rising keys: never twice, whatever the clock does and however many are asked for in one millisecond. */
export class KeySequence {
  #last: number;

  constructor(last: number) {
    this.#last = last;
  }

  next(nowMs: number): number {
    this.#last = Math.max(this.#last + 1, Math.floor(nowMs) * NUMBERS_PER_MS);
    return this.#last;
  }
}
