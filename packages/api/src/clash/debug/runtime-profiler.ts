import { readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { EventLoopWatch } from './event-loop-watch.ts';
import { mergeSamples, type ProfileSample, type RuntimeProfile } from './profile.ts';
import { cpuSamples, type HeapProfile, heapSamples } from './v8-samples.ts';

/** The profiles that show a moment, or the change between two. */
export const MOMENTARY_PROFILES = ['block', 'goroutine', 'heap', 'mutex', 'threadcreate'] as const;
export type MomentaryProfile = (typeof MOMENTARY_PROFILES)[number];

/** The average number of bytes between two sampled allocations. */
const HEAP_PERIOD_BYTES = 524_288;
/** For short windows. */
const ALLOCS_PERIOD_BYTES = 16_384;
const CPU_PERIOD_MICROS = 1_000;

const COUNT = 'count';
const NANOSECONDS = 'nanoseconds';
const CONTENTION = [
  { type: 'contentions', unit: COUNT },
  { type: 'delay', unit: NANOSECONDS },
];

/** Watches this process for `/debug/pprof`: V8's samplers, the event loop, threads and open resources. */
export class RuntimeProfiler {
  readonly #clock: Clock;
  readonly #heap = new Session();
  readonly #loop = new EventLoopWatch();
  #samplingCpu = false;
  /** V8 has one allocation sampler, so windows wait for each other. */
  #allocations: Promise<unknown> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts to sample; what was allocated before stays unknown. */
  async start(): Promise<void> {
    this.#loop.start();
    this.#heap.connect();
    await this.#startHeapSampling();
  }

  stop(): void {
    this.#loop.stop();
    this.#heap.disconnect();
  }

  /** Collects all garbage now. */
  collectGarbage(): void {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
  }

  async momentary(name: MomentaryProfile): Promise<RuntimeProfile> {
    switch (name) {
      case 'heap':
        return this.#heapProfile();
      case 'goroutine':
        return this.#countProfile(name, resources(), 'open resources of the event loop by type');
      case 'threadcreate':
        return this.#countProfile(name, threads(), 'threads by name');
      case 'block':
        return this.#contentionProfile(name, this.#loop.delays(), 'timers that came late');
      case 'mutex':
        return this.#contentionProfile(name, this.#loop.pauses(), 'garbage collections');
    }
  }

  /** Everything that is allocated in the next `windowMs`; live objects are then known anew only from its end on. */
  allocations(windowMs: number, signal: AbortSignal): Promise<RuntimeProfile> {
    const window = this.#allocations.then(() => this.#sampleAllocations(windowMs, signal));
    this.#allocations = Promise.allSettled([window]);
    return window;
  }

  /** Where the time of the next `windowMs` goes. @throws GatewayError `debug.busy` while another profile is being taken */
  async cpu(windowMs: number, signal: AbortSignal): Promise<RuntimeProfile> {
    if (this.#samplingCpu) throw new GatewayError('conflict', 'debug.busy', 'cpu profiling already in use');
    this.#samplingCpu = true;
    const session = new Session();
    const timeMs = this.#clock.now();
    try {
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: CPU_PERIOD_MICROS });
      await session.post('Profiler.start');
      await this.wait(windowMs, signal);
      const { profile } = await session.post('Profiler.stop');
      return {
        name: 'profile',
        measures: [
          { type: 'samples', unit: COUNT },
          { type: 'cpu', unit: NANOSECONDS },
        ],
        samples: cpuSamples(profile, CPU_PERIOD_MICROS),
        timeMs,
        durationMs: (profile.endTime - profile.startTime) / 1_000,
        period: { measure: { type: 'cpu', unit: NANOSECONDS }, value: CPU_PERIOD_MICROS * 1_000 },
        comment: '',
      };
    } finally {
      session.disconnect();
      this.#samplingCpu = false;
    }
  }

  /** Resolves after `ms`, or as soon as `signal` fires. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = this.#clock.after(ms, end);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
  }

  async #heapProfile(): Promise<RuntimeProfile> {
    const { profile } = await this.#heap.post('HeapProfiler.getSamplingProfile');
    return {
      name: 'heap',
      measures: [
        { type: 'inuse_objects', unit: COUNT },
        { type: 'inuse_space', unit: 'bytes' },
      ],
      samples: heapSamples(profile as HeapProfile),
      timeMs: this.#clock.now(),
      durationMs: 0,
      period: { measure: { type: 'space', unit: 'bytes' }, value: HEAP_PERIOD_BYTES },
      comment: 'objects are those sampled, bytes are scaled up',
    };
  }

  async #sampleAllocations(windowMs: number, signal: AbortSignal): Promise<RuntimeProfile> {
    const timeMs = this.#clock.now();
    await this.#heap.post('HeapProfiler.stopSampling');
    try {
      await this.#heap.post('HeapProfiler.startSampling', {
        samplingInterval: ALLOCS_PERIOD_BYTES,
        includeObjectsCollectedByMajorGC: true,
        includeObjectsCollectedByMinorGC: true,
      });
      await this.wait(windowMs, signal);
      const { profile } = await this.#heap.post('HeapProfiler.stopSampling');
      return {
        name: 'allocs',
        measures: [
          { type: 'alloc_objects', unit: COUNT },
          { type: 'alloc_space', unit: 'bytes' },
        ],
        samples: heapSamples(profile as HeapProfile),
        timeMs,
        durationMs: this.#clock.now() - timeMs,
        period: { measure: { type: 'space', unit: 'bytes' }, value: ALLOCS_PERIOD_BYTES },
        comment: 'objects are those sampled, bytes are scaled up',
      };
    } finally {
      await this.#startHeapSampling();
    }
  }

  async #startHeapSampling(): Promise<void> {
    await this.#heap.post('HeapProfiler.startSampling', { samplingInterval: HEAP_PERIOD_BYTES });
  }

  #countProfile(name: string, counts: ReadonlyMap<string, number>, comment: string): RuntimeProfile {
    return {
      name,
      measures: [{ type: name, unit: COUNT }],
      samples: [...counts].map(([functionName, count]) => ({
        stack: [{ functionName, file: '', line: 0 }],
        values: [count],
      })),
      timeMs: this.#clock.now(),
      durationMs: 0,
      period: { measure: { type: name, unit: COUNT }, value: 1 },
      comment,
    };
  }

  #contentionProfile(name: string, samples: readonly ProfileSample[], comment: string): RuntimeProfile {
    return {
      name,
      measures: CONTENTION,
      samples: mergeSamples(samples),
      timeMs: this.#clock.now(),
      durationMs: 0,
      period: { measure: { type: 'contentions', unit: COUNT }, value: 1 },
      comment,
    };
  }
}

function resources(): ReadonlyMap<string, number> {
  return countOf(process.getActiveResourcesInfo());
}

/** The names of this process's threads; on systems without `/proc` only what is certain. */
function threads(): ReadonlyMap<string, number> {
  if (process.platform !== 'linux') return new Map([['main', 1]]);
  return countOf(readdirSync('/proc/self/task').flatMap(threadName));
}

function threadName(id: string): readonly string[] {
  try {
    return [readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim()];
  } catch (error) {
    // It has ended since.
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      (error as NodeJS.ErrnoException).code === 'ESRCH'
    )
      return [];
    throw error;
  }
}

function countOf(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
