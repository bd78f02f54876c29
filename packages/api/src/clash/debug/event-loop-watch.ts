import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import type { ProfileSample } from './profile.ts';

const RESOLUTION_MS = 20;
const NANOS_PER_MS = 1_000_000;

const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak callbacks',
};

type GcEntry = PerformanceEntry & { readonly detail: { readonly kind: number } };

/** Counts what holds the event loop up: callbacks that take long, and garbage collection. */
export class EventLoopWatch {
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #pauses = new Map<string, { count: number; nanos: number }>();
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as GcEntry).detail;
      this.#addPause(GC_KINDS[kind] ?? 'other', entry.duration * NANOS_PER_MS);
    }
  });

  start(): void {
    this.#delays.enable();
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  stop(): void {
    this.#delays.disable();
    this.#observer.disconnect();
  }

  /** How often, and for how long in all, timers came late. */
  delays(): readonly ProfileSample[] {
    const { count, mean } = this.#delays;
    if (count === 0) return [];
    const lateNanos = Math.max(0, mean - RESOLUTION_MS * NANOS_PER_MS) * count;
    return [{ stack: [{ functionName: 'event loop', file: '', line: 0 }], values: [count, lateNanos] }];
  }

  /** Collections and their time by kind. */
  pauses(): readonly ProfileSample[] {
    return [...this.#pauses].map(([kind, { count, nanos }]) => ({
      stack: [
        { functionName: kind, file: '', line: 0 },
        { functionName: 'garbage collection', file: '', line: 0 },
      ],
      values: [count, nanos],
    }));
  }

  #addPause(kind: string, nanos: number): void {
    const known = this.#pauses.get(kind);
    if (known === undefined) this.#pauses.set(kind, { count: 1, nanos });
    else {
      known.count += 1;
      known.nanos += nanos;
    }
  }
}
