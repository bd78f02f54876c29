import type { Clock, Timer } from '@sluice/base/clock';
import type { Member } from '../group/node.ts';
import type { ExtraUrl, HealthCheck, HealthCheckOptions } from './health-check.ts';

/**
 * Tests one member against one URL and records the outcome in its health.
 * Rejects when the test failed; with an aborted `cancel` nothing is recorded.
 */
export type MemberTest = (
  member: Member,
  url: string,
  timeoutMs: number,
  expectedStatus: string,
  cancel?: AbortSignal,
) => Promise<number>;

/** What a health check works on. */
export type HealthCheckParts = {
  readonly options: HealthCheckOptions;
  /** In the order they are tested; asked for at every run. */
  readonly members: () => readonly Member[];
  readonly clock: Clock;
  readonly test: MemberTest;
};

type Extra = { readonly expectedStatus: string; filters: readonly RegExp[] };
type Task = { readonly member: Member; readonly url: string; readonly expectedStatus: string };

const CONCURRENCY = 10;
const MERGE_MS = 1_000;

/** Tests members on a timer and on request, ten at a time. */
export class ScheduledHealthCheck implements HealthCheck {
  readonly options: HealthCheckOptions;
  readonly #parts: HealthCheckParts;
  readonly #extras = new Map<string, Extra>();
  #intervalSeconds: number;
  #touchedAtMs = Number.NEGATIVE_INFINITY;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  /** The members changed during the present run. */
  #isStale = false;
  #started = false;
  #timer: Timer | undefined;
  #stopping = new AbortController();

  constructor(parts: HealthCheckParts) {
    this.options = parts.options;
    this.#parts = parts;
    this.#intervalSeconds = parts.options.intervalSeconds;
  }

  register({ url, expectedStatus, filters, intervalSeconds }: ExtraUrl): void {
    if (this.#intervalSeconds === 0 && intervalSeconds > 0) {
      this.#intervalSeconds = intervalSeconds;
      if (this.#started) this.#schedule();
    }
    if (url === '' || url === this.options.url) return;
    const known = this.#extras.get(url);
    if (known === undefined) this.#extras.set(url, { expectedStatus, filters });
    // Who filters nothing wants all, and all include what others want.
    else if (filters.length === 0) known.filters = [];
    else if (known.filters.length > 0) known.filters = [...known.filters, ...filters];
  }

  touch(): void {
    this.#touchedAtMs = this.#parts.clock.monotonicMs();
  }

  run(): Promise<void> {
    if (this.#running !== undefined) return this.#running;
    if (this.#parts.clock.monotonicMs() - this.#endedAtMs < MERGE_MS) return Promise.resolve();
    return this.#launch();
  }

  nodesChanged(): void {
    if (this.#intervalSeconds === 0) return;
    if (this.#running === undefined) void this.#launch();
    else this.#isStale = true;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#stopping = new AbortController();
    this.#schedule();
  }

  stop(): void {
    this.#started = false;
    this.#isStale = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#stopping.abort();
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const periodMs = this.#intervalSeconds * 1_000;
    if (periodMs === 0) return;
    this.#timer = this.#parts.clock.every(periodMs, () => {
      const idleMs = this.#parts.clock.monotonicMs() - this.#touchedAtMs;
      if (!this.options.lazy || idleMs < periodMs) void this.run();
    });
  }

  #launch(): Promise<void> {
    this.#running = this.#testAll().then(() => {
      this.#running = undefined;
      this.#endedAtMs = this.#parts.clock.monotonicMs();
      if (!this.#isStale) return;
      this.#isStale = false;
      void this.#launch();
    });
    return this.#running;
  }

  /** Never rejects: what a test found out is in the member's health. */
  async #testAll(): Promise<void> {
    const { test } = this.#parts;
    const { timeoutMs } = this.options;
    const { signal } = this.#stopping;
    const tasks = this.#tasks().values();
    const work = async () => {
      for (const { member, url, expectedStatus } of tasks) {
        if (signal.aborted) return;
        await Promise.allSettled([test(member, url, timeoutMs, expectedStatus, signal)]);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
  }

  /** The own URL for all members, then the others. */
  #tasks(): Task[] {
    const { url, expectedStatus } = this.options;
    const members = [...new Set(this.#parts.members())];
    const tasks = url === '' ? [] : members.map((member): Task => ({ member, url, expectedStatus }));
    for (const [extraUrl, extra] of this.#extras) {
      for (const member of members) {
        if (extra.filters.length > 0 && !extra.filters.some((filter) => filter.test(member.name))) continue;
        tasks.push({ member, url: extraUrl, expectedStatus: extra.expectedStatus });
      }
    }
    return tasks;
  }
}
