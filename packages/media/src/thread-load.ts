import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { ThreadLoadView } from './port.ts';

const RESOLUTION_MS = 20;

/** Measures how busy and how late the event loop was from one sample to the next, whoever reads it meanwhile. */
export class ThreadLoad {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #last: EventLoopUtilization = performance.eventLoopUtilization();
  #load = 0;
  #delayMs = 0;

  start(): void {
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  /** Ends the current interval; called once a second. */
  sample(): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    this.#load = Math.min(100, Math.max(0, Math.round(utilization * 100)));
    const meanMs = this.#delay.count === 0 ? RESOLUTION_MS : this.#delay.mean / 1e6;
    this.#delay.reset();
    // The histogram holds whole intervals, the timer's own period included.
    this.#delayMs = Math.max(0, Math.round(meanMs - RESOLUTION_MS));
  }

  read(handles: number): ThreadLoadView {
    return { name: 'event poller 0', load: this.#load, delayMs: this.#delayMs, handles };
  }
}
