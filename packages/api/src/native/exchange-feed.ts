import type { Timer } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { NativeDependencies } from './dependencies.ts';
import type { Exchange, ExchangeBatch } from './types.ts';

const BATCH_LIMIT = 200;
const COALESCE_MS = 250;

type Watcher = (batch: ExchangeBatch) => void;

/**
 * Tells watchers which exchanges were stored, at most four times a second and at most `BATCH_LIMIT` at once, so that a
 * burst of traffic costs one query and one message. Idle without watchers.
 */
export class ExchangeFeed {
  readonly #deps: Pick<NativeDependencies, 'inspect' | 'events' | 'clock' | 'logs'>;
  readonly #watchers = new Set<Watcher>();
  #unsubscribe: (() => void) | undefined;
  #timer: Timer | undefined;
  #reading = false;
  #again = false;
  #lastSequence: number | undefined;

  constructor(deps: Pick<NativeDependencies, 'inspect' | 'events' | 'clock' | 'logs'>) {
    this.#deps = deps;
  }

  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    if (this.#unsubscribe === undefined) this.#open();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.close();
    };
  }

  close(): void {
    this.#watchers.clear();
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#lastSequence = undefined;
  }

  #open(): void {
    this.#unsubscribe = this.#deps.events.on('exchange.stored', () => this.#schedule());
    void this.#read();
  }

  #schedule(): void {
    this.#timer ??= this.#deps.clock.after(COALESCE_MS, () => {
      this.#timer = undefined;
      void this.#read();
    });
  }

  async #read(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    try {
      const newest = await this.#deps.inspect.exchanges({ limit: BATCH_LIMIT });
      this.#publish(newest);
    } catch (error) {
      this.#deps.logs.logger.child('api').warning(`cannot read new exchanges: ${errorText(error)}`);
    } finally {
      this.#reading = false;
      if (this.#again && this.#unsubscribe !== undefined) {
        this.#again = false;
        this.#schedule();
      }
    }
  }

  /** The first reading only sets the mark: watchers already have the list that was there. */
  #publish(newest: readonly Exchange[]): void {
    const last = this.#lastSequence;
    this.#lastSequence = Math.max(last ?? 0, newest[0]?.sequence ?? 0);
    if (last === undefined || this.#watchers.size === 0) return;
    const exchanges = newest.filter((exchange) => exchange.sequence > last);
    if (exchanges.length === 0) return;
    const oldest = exchanges.at(-1)?.sequence ?? 0;
    const batch: ExchangeBatch = {
      total: this.#deps.inspect.exchangeCount(),
      exchanges,
      skipped: exchanges.length === BATCH_LIMIT && oldest > last + 1,
    };
    for (const watcher of this.#watchers) watcher(batch);
  }
}

/** True when the exchange holds the keyword in its method, URL or status; letter case does not matter. */
export function exchangeMatches(exchange: Exchange, keyword: string): boolean {
  const needle = keyword.toLowerCase();
  return (
    exchange.method.toLowerCase().includes(needle) ||
    exchange.url.toLowerCase().includes(needle) ||
    String(exchange.status).includes(needle)
  );
}
