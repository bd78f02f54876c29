import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** The gateway's Prometheus metrics; names start with `sluice_`. */
export class Metrics {
  readonly #registry = new Registry();

  /** Adds the runtime's own metrics (event loop, memory, handles). */
  collectRuntime(): void {
    collectDefaultMetrics({ register: this.#registry, prefix: 'sluice_' });
  }

  counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({
      name: `sluice_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    });
  }

  /** A value read when metrics are scraped. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `sluice_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** The exposition text, and its content type. */
  async expose(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
