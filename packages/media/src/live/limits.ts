/** When a viewer that reads too slowly is skipped and when it is closed. */
export type SlowReaderLimits = {
  /** Bytes that may always wait in a viewer's socket. */
  readonly softBytes: number;
  /** The soft limit in seconds of the stream's own rate, when that is more. */
  readonly softSeconds: number;
  /** Bytes past which a viewer is closed. */
  readonly hardBytes: number;
  /** A skipped viewer whose socket took nothing for this long is closed. */
  readonly stallMs: number;
};

export const DEFAULT_SLOW_READER_LIMITS: SlowReaderLimits = {
  softBytes: 1024 * 1024,
  softSeconds: 2,
  hardBytes: 16 * 1024 * 1024,
  stallMs: 10_000,
};

/** Bytes of past media one output may keep to start new viewers with. */
export const GOP_LIMIT_BYTES = 64 * 1024 * 1024;

/** Totals of the whole plane. */
export type LiveCounters = {
  bytesOut: number;
  skips: number;
  slowCloses: number;
};

/**
 * How long tags are collected before they are written as one block: the number of writes, not of bytes, is what
 * viewers cost, so it grows with their number. 0 writes at once.
 */
export function mergeIntervalMs(viewers: number, leastMs: number): number {
  const wanted = viewers <= 200 ? 0 : viewers <= 1000 ? 50 : 100;
  return Math.max(wanted, leastMs);
}
