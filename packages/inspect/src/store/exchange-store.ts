import { join } from 'node:path';
import type { Timer } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { GatewayContext } from '@sluice/core/gateway-context';
import type { Metrics } from '@sluice/core/metrics';
import type { CapturedExchange, ExchangeSink } from '../exchange/exchange.ts';
import type { DeletionResult } from '../port.ts';
import { BatchQueue, type QueueLimits } from './batch-queue.ts';
import type { StoreTotals } from './counters.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import type { RetentionLimits } from './exchange-eraser.ts';
import { LossReport } from './loss-report.ts';
import type { ReaderOperations, ReaderOptions } from './reader-worker.ts';
import { KeySequence } from './record-id.ts';
import { WorkerLink } from './worker-link.ts';
import type { WriterOperations, WriterOptions } from './writer-worker.ts';

/** The part of the gateway's context that the store needs. */
export type ExchangeStoreContext = Omit<GatewayContext, 'metrics'>;

export type ExchangeStoreSettings = {
  readonly queue: QueueLimits;
  readonly retention: RetentionLimits & { readonly periodMs: number };
  /** A search that takes longer gives what it found. */
  readonly searchLimitMs: number;
  readonly segmentBytes: number;
};

const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;

export const DEFAULT_STORE_SETTINGS: ExchangeStoreSettings = {
  queue: { maxExchanges: 20_000, maxBytes: 64 * MIB, hardMaxExchanges: 40_000 },
  retention: { maxAgeMs: 7 * DAY_MS, maxExchanges: 1_000_000, maxBytes: 20 * 1024 * MIB, periodMs: 60_000 },
  searchLimitMs: 2_000,
  segmentBytes: 64 * MIB,
};

/** The programs of the two threads. */
export type StoreThreads = { readonly writer: URL; readonly reader: URL };

const STORE_THREADS: StoreThreads = {
  writer: new URL('./writer-worker.ts', import.meta.url),
  reader: new URL('./reader-worker.ts', import.meta.url),
};

const FLUSH_DELAY_MS = 10;
const BATCHES_IN_FLIGHT = 4;
const RETRY_DELAY_MS = 1_000;
const INSERT_ATTEMPTS = 3;
const STOP_LIMIT_MS = 4_000;

type Reader = WorkerLink<ReaderOperations>;
type Writer = WorkerLink<WriterOperations>;
type Deletion = 'deleteRequest' | 'deleteResponse' | 'deleteHostRequests' | 'deleteHostResponses';

/**
 * Everything captured, on disk. Exchanges are collected for a few milliseconds and committed by a writer thread;
 * `exchange.stored` is announced after the commit, from when on the death of the process loses nothing of them. Queries run
 * in a reader thread.
 */
export class ExchangeStore implements ExchangeSink {
  readonly #context: ExchangeStoreContext;
  readonly #settings: ExchangeStoreSettings;
  readonly #threads: StoreThreads;
  readonly #writerOptions: WriterOptions;
  readonly #queue: BatchQueue;
  readonly #losses: LossReport;
  readonly #inFlight = new Set<ExchangeBatch>();
  #flushWaiters: readonly { readonly sequence: number; readonly resolve: () => void }[] = [];
  #writer: Writer | undefined;
  #reader: Reader | undefined;
  #totals: StoreTotals;
  #keys: KeySequence;
  #sequence: number;
  #flushTimer: Timer | undefined;
  #restartTimer: Timer | undefined;
  #retentionTimer: Timer | undefined;
  #isDegraded = false;
  #isClosing = false;

  private constructor(context: ExchangeStoreContext, settings: ExchangeStoreSettings, threads: StoreThreads) {
    this.#context = context;
    this.#threads = threads;
    this.#settings = settings;
    this.#queue = new BatchQueue(settings.queue);
    this.#losses = new LossReport(context.clock, context.log);
    this.#writerOptions = {
      path: join(context.dataDir, 'inspect.sqlite'),
      segmentDirectory: join(context.dataDir, 'inspect'),
      segmentBytes: settings.segmentBytes,
      retention: settings.retention,
    };
    this.#totals = NO_TOTALS;
    this.#keys = new KeySequence(0);
    this.#sequence = 0;
  }

  /**
   * Opens `inspect.sqlite` and the segment files of `inspect/` in the data directory.
   * @throws GatewayError `store.newer-schema`, `inspect.store`
   */
  static async open(
    context: ExchangeStoreContext,
    settings: ExchangeStoreSettings = DEFAULT_STORE_SETTINGS,
    threads: StoreThreads = STORE_THREADS,
  ): Promise<ExchangeStore> {
    const store = new ExchangeStore(context, settings, threads);
    await store.#open();
    return store;
  }

  get path(): string {
    return this.#writerOptions.path;
  }

  get totals(): StoreTotals {
    return this.#totals;
  }

  get pendingBytes(): number {
    return this.#queue.bytes;
  }

  get pendingExchanges(): number {
    return this.#queue.exchanges;
  }

  /** Exchanges that were never stored because the writer could not keep up or failed. */
  get lostExchanges(): number {
    return this.#losses.lost;
  }

  /** Exchanges stored without their bodies because too much was waiting or the disk failed. */
  get exchangesWithoutBodies(): number {
    return this.#losses.withoutBodies;
  }

  /** Shows the queue and what was lost among the gateway's metrics; once per registry. */
  expose(metrics: Metrics): void {
    metrics.gauge(
      'inspect_store_waiting_exchanges',
      'Exchanges waiting to be stored.',
      () => this.#queue.exchanges,
    );
    metrics.gauge(
      'inspect_store_waiting_bytes',
      'Bytes of exchanges waiting to be stored.',
      () => this.#queue.bytes,
    );
    metrics.gauge('inspect_store_exchanges', 'Exchanges stored.', () => this.#totals.requests);
    metrics.gauge(
      'inspect_store_lost_exchanges',
      'Exchanges that could not be stored since the start.',
      () => this.#losses.lost,
    );
    metrics.gauge(
      'inspect_store_dropped_bodies',
      'Exchanges stored without their bodies since the start.',
      () => this.#losses.withoutBodies,
    );
  }

  record(exchange: CapturedExchange): void {
    if (this.#isClosing) {
      this.#losses.countLost(1);
      return;
    }
    const storedMs = this.#context.clock.now();
    const stamp = { sequence: this.#sequence + 1, key: this.#keys.next(storedMs), storedMs };
    const queued = this.#queue.put(exchange, stamp, !this.#isDegraded);
    if (queued === 'lost') {
      this.#losses.countLost(1);
      return;
    }
    this.#sequence = stamp.sequence;
    if (queued === 'without-bodies') this.#losses.countWithoutBodies();
    if (this.#queue.hasSealed) this.#send(false);
    else this.#flushTimer ??= this.#context.clock.after(FLUSH_DELAY_MS, () => this.#flushNow());
  }

  /** Resolves when everything recorded so far is committed or was given up. */
  async flush(): Promise<void> {
    if (this.#queue.exchanges === 0) return;
    await new Promise<void>((resolve) => {
      this.#flushWaiters = [...this.#flushWaiters, { sequence: this.#sequence, resolve }];
      this.#flushNow();
    });
  }

  /** Asks the reader thread, which is started by the first question. */
  async query<K extends keyof ReaderOperations>(
    operation: K,
    args: ReaderOperations[K]['args'],
  ): Promise<ReaderOperations[K]['result']> {
    if (this.#isClosing) throw closed();
    if (this.#reader === undefined || this.#reader.hasEnded) this.#reader = this.#startReader();
    return await this.#reader.call(operation, args);
  }

  /** Deletes by id or host name; what was recorded before is included. */
  async delete(operation: Deletion, value: string): Promise<DeletionResult> {
    await this.flush();
    const { totals, count, ids } = await this.#needWriter().call(operation, value);
    await this.#afterDeletion(totals);
    return { count, ids };
  }

  /** Deletes everything and returns the space. */
  async deleteAll(): Promise<void> {
    await this.flush();
    await this.#afterDeletion(await this.#needWriter().call('deleteAll', undefined));
  }

  /** Applies the retention limits now. */
  async retain(): Promise<void> {
    await this.#afterDeletion(await this.#needWriter().call('retain', { nowMs: this.#context.clock.now() }));
  }

  /** Stores what waits (for at most a few seconds) and ends both threads. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    const limit = new Promise<void>((resolve) => this.#context.clock.after(STOP_LIMIT_MS, resolve));
    await Promise.race([this.flush(), limit]);
    this.#isClosing = true;
    this.#losses.close();
    for (const timer of [this.#flushTimer, this.#restartTimer, this.#retentionTimer]) timer?.cancel();
    await this.#reader?.close();
    if (this.#writer !== undefined && !this.#writer.hasEnded) {
      await Promise.race([this.#writer.call('close', undefined), limit]).catch((error: unknown) =>
        this.#logFailure('closing failed', error),
      );
      await this.#writer.close();
    }
    if (this.#queue.exchanges > 0) {
      this.#context.log.error('exchanges were not stored before the end', { count: this.#queue.exchanges });
    }
  }

  async #open(): Promise<void> {
    this.#writer = this.#startWriter();
    try {
      this.#adopt(await this.#writer.call('open', undefined));
    } catch (error) {
      this.#isClosing = true;
      await this.#writer.close();
      throw error;
    }
    this.#keys = new KeySequence(this.#totals.lastKey);
    this.#sequence = this.#totals.lastSequence;
    this.#retentionTimer = this.#context.clock.every(this.#settings.retention.periodMs, () => {
      this.retain().catch((error: unknown) => this.#logFailure('retention failed', error));
    });
  }

  #adopt(opened: WriterOperations['open']['result']): void {
    this.#totals = opened.totals;
    if (opened.setAside === undefined) return;
    this.#context.log.error('the exchange store was damaged; a new one was begun', {
      movedTo: opened.setAside,
    });
  }

  #startWriter(): Writer {
    return new WorkerLink<WriterOperations>(this.#threads.writer, this.#writerOptions, (reason) => {
      if (reason === undefined || this.#isClosing) return;
      this.#reportDeath('writer', reason);
      this.#restartTimer = this.#context.clock.after(RETRY_DELAY_MS, () => void this.#restartWriter());
    });
  }

  async #restartWriter(): Promise<void> {
    this.#writer = this.#startWriter();
    try {
      this.#adopt(await this.#writer.call('open', undefined));
    } catch (error) {
      this.#logFailure('the exchange store could not be opened again', error);
      return await this.#writer.close().then(() => {
        if (!this.#isClosing)
          this.#restartTimer = this.#context.clock.after(RETRY_DELAY_MS, () => void this.#restartWriter());
      });
    }
    this.#send(true);
  }

  #startReader(): Reader {
    const { path, segmentDirectory } = this.#writerOptions;
    const options: ReaderOptions = { path, segmentDirectory, searchLimitMs: this.#settings.searchLimitMs };
    return new WorkerLink<ReaderOperations>(this.#threads.reader, options, (reason) => {
      if (reason !== undefined && !this.#isClosing) this.#reportDeath('reader', reason);
    });
  }

  #reportDeath(thread: string, reason: string): void {
    const message = `the exchange store's ${thread} thread died: ${reason}`;
    this.#context.log.error(message);
    this.#context.events.emit('service.failed', { service: 'inspect.store', kind: 'internal', message });
  }

  #needWriter(): Writer {
    if (this.#isClosing || this.#writer === undefined) throw closed();
    return this.#writer;
  }

  async #afterDeletion(totals: StoreTotals): Promise<void> {
    this.#totals = totals;
    if (this.#reader !== undefined && !this.#reader.hasEnded)
      await this.#reader.call('releaseFiles', undefined);
  }

  #flushNow(): void {
    this.#flushTimer?.cancel();
    this.#flushTimer = undefined;
    this.#send(true);
  }

  /** Hands waiting batches to the writer; the one being filled only when `all`. */
  #send(all: boolean): void {
    while (this.#inFlight.size < BATCHES_IN_FLIGHT && this.#writer !== undefined && !this.#writer.hasEnded) {
      if (!all && !this.#queue.hasSealed) return;
      const batch = this.#queue.take();
      if (batch === undefined) return;
      this.#inFlight.add(batch);
      void this.#store(batch);
    }
  }

  async #store(batch: ExchangeBatch): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#totals = await this.#insert(batch);
        this.#isDegraded = false;
        this.#finish(batch);
        return;
      } catch (error) {
        const hasDied = error instanceof GatewayError && error.code === 'inspect.store-stopped';
        if (this.#isClosing) return;
        this.#isDegraded = true;
        if (!hasDied) this.#logFailure('exchanges could not be stored', error);
        if (!hasDied && attempt >= INSERT_ATTEMPTS) {
          this.#losses.countLost(batch.ids.length);
          this.#finish(batch, false);
          return;
        }
      }
      await new Promise<void>((resolve) => this.#context.clock.after(RETRY_DELAY_MS, resolve));
    }
  }

  async #insert(batch: ExchangeBatch): Promise<StoreTotals> {
    const { memory, lengthBytes, ids } = batch;
    return await this.#needWriter().call('insert', {
      memory,
      lengthBytes,
      count: ids.length,
      nowMs: this.#context.clock.now(),
    });
  }

  #finish(batch: ExchangeBatch, isStored = true): void {
    const ids = batch.ids.slice();
    this.#inFlight.delete(batch);
    this.#queue.release(batch);
    // Whatever gathered while the writer was busy makes the next batch.
    this.#send(this.#flushTimer === undefined);
    if (isStored) this.#context.events.emit('exchange.stored', { ids });
    this.#resolveFlushes();
  }

  #resolveFlushes(): void {
    if (this.#flushWaiters.length === 0) return;
    const oldest = this.#queue.oldestSequence;
    const waiters = this.#flushWaiters;
    this.#flushWaiters = waiters.filter(({ sequence }) => sequence >= oldest);
    for (const { sequence, resolve } of waiters) if (sequence < oldest) resolve();
  }

  #logFailure(message: string, error: unknown): void {
    this.#context.log.error(message, { error: errorText(error) });
  }
}

const NO_TOTALS: StoreTotals = {
  lastSequence: 0,
  lastKey: 0,
  requests: 0,
  requestBytes: 0,
  responses: 0,
  responseBytes: 0,
  modified: 0,
  modifiedBytes: 0,
};

function closed(): GatewayError {
  return new GatewayError('unavailable', 'inspect.store-stopped', 'the exchange store is closed');
}
