import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from '@sluice/base/clock';
import { loadFfi } from './ffi.ts';

const PERIOD_MS = 15_000;
/** Less is not worth the pause. */
const GROWTH_BYTES = 32 << 20;
/** Of the time between two looks; a busier process collects garbage by itself, and has no time to pause. */
const IDLE_SHARE = 0.05;

/** What `gc` of the engine takes (V8's GC extension). */
type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Collects garbage and gives free memory back to the system, which stops everything for about a tenth of a second. Starting leaves
 * much of it, and neither the engine nor the C library gives that back while there is little to do.
 */
export function returnMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const availability = loadFfi();
  if (availability.available) availability.ffi.trimMemory();
}

/** How the process is seen and relieved. */
export type MemoryUse = {
  readonly returnMemory: () => void;
  readonly residentBytes: () => number;
  /** Whether little was done since the last call. */
  readonly wasIdle: () => boolean;
};

/** Does so now and whenever the process has grown and then been idle for some time, until the result is cancelled. */
export function returnMemoryWhenIdle(clock: Clock, use: MemoryUse = ofThisProcess()): Timer {
  use.returnMemory();
  let keptBytes = use.residentBytes();
  return clock.every(PERIOD_MS, () => {
    if (!use.wasIdle() || use.residentBytes() - keptBytes < GROWTH_BYTES) return;
    use.returnMemory();
    keptBytes = use.residentBytes();
  });
}

function ofThisProcess(): MemoryUse {
  let last = performance.eventLoopUtilization();
  return {
    returnMemory,
    residentBytes: () => process.memoryUsage.rss(),
    wasIdle() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization < IDLE_SHARE;
    },
  };
}
