import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { ThreadLoadView } from './port.ts';

const RESOLUTION_MS = 20;

/** Measures how busy and how late the event loop is, between one reading and the next. */
export class ThreadLoad {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #last: EventLoopUtilization = performance.eventLoopUtilization();

  start(): void {
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  read(handles: number): ThreadLoadView {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    const meanMs = this.#delay.count === 0 ? RESOLUTION_MS : this.#delay.mean / 1e6;
    this.#delay.reset();
    return {
      name: 'event poller 0',
      load: Math.min(100, Math.max(0, Math.round(utilization * 100))),
      // The histogram holds whole intervals, the timer's own period included.
      delayMs: Math.max(0, Math.round(meanMs - RESOLUTION_MS)),
      handles,
    };
  }
}
