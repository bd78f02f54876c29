import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { TemporaryRuleView } from '@sluice/route/port';

/** Temporary rules that accept every line with a known target. */
export class FakeTemporaryRules {
  readonly #clock: Clock;
  #views: TemporaryRuleView[] = [];
  #nextId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  views(): readonly TemporaryRuleView[] {
    return this.#views;
  }

  add(line: string, ttlSeconds: number): TemporaryRuleView {
    const target = line.split(',').at(-1) ?? '';
    if (!/^(DIRECT|REJECT|Proxy|Auto)$/.test(target)) {
      throw new GatewayError('invalid', 'route.rule', `[${line}] error: proxy [${target}] not found`);
    }
    const nowMs = this.#clock.now();
    const view: TemporaryRuleView = {
      id: String(this.#nextId++),
      line,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + ttlSeconds * 1000,
      hitCount: 0,
      hitAtMs: 0,
    };
    this.#views.push(view);
    return view;
  }

  remove(id: string): boolean {
    const before = this.#views.length;
    this.#views = this.#views.filter((view) => view.id !== id);
    return this.#views.length < before;
  }
}
