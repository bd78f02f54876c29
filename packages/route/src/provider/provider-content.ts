import { createHash } from 'node:crypto';
import { readFile, stat, utimes } from 'node:fs/promises';
import type { Clock, Timer } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { EtagStore } from '../fetch/etag-store.ts';
import type { Fetcher } from '../fetch/fetcher.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { downloadContent } from './content-download.ts';
import { FileWatch } from './file-watch.ts';
import type { ContentSource, HttpSource } from './provider-config.ts';

/** What providers of both kinds are run with. */
export type ContentParts = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly fetcher: Fetcher;
  /** Asked for at every download; `undefined` while conditional requests are switched off. */
  readonly etags: () => EtagStore | undefined;
};

/** What becomes of the content of one provider. */
export type ContentUse<T> = {
  readonly name: string;
  readonly kind: 'proxy' | 'rule';
  readonly source: ContentSource;
  /** @throws an error with the text to show; what was accepted before stays */
  readonly parse: (content: Uint8Array) => T | Promise<T>;
  /** Puts parsed content in place of what was there. */
  readonly accept: (content: T) => void;
  /** The content of an inline provider; of others what stands in while nothing could be loaded. @throws as `parse` */
  readonly fallback?: () => T | Promise<T>;
  readonly onHeaders?: (headers: ReadonlyMap<string, string>) => void;
};

const FILE_LIMIT_BYTES = 64 << 20;
/** How soon a provider that has nothing to serve tries again. */
const RETRY_MS = 60_000;
/** Stands for the hash of content that is in the configuration. */
const INLINE = 'inline';

/** Keeps the content of one provider: from its last good copy first, then as it changes at its source. */
export class ProviderContent<T> {
  readonly #use: ContentUse<T>;
  readonly #parts: ContentParts;
  #updatedAtMs: number | undefined;
  #lastError = '';
  /** MD5 of the content in use, `''` while there is none. */
  #hash = '';
  #timer: Timer | undefined;
  #watch: FileWatch | undefined;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(use: ContentUse<T>, parts: ContentParts) {
    this.#use = use;
    this.#parts = parts;
  }

  /** When the content was last known to be that of its source. */
  get updatedAtMs(): number | undefined {
    return this.#updatedAtMs;
  }

  /** Why the last attempt failed, `''` when it did not. */
  get lastError(): string {
    return this.#lastError;
  }

  /** Resolves when there is something to serve or the attempt failed, which is logged. */
  async start(): Promise<void> {
    const { source, kind, name } = this.#use;
    if (source.kind === 'file') {
      this.#watch = new FileWatch(source.path, this.#parts.clock, () => this.#refresh());
      this.#watch.start();
    }
    try {
      if (source.kind === 'http') await this.#startDownloads(source);
      else await this.update();
    } catch (error) {
      this.#parts.log.error(`initial ${kind} provider ${name} error: ${errorText(error)}`);
      await this.#acceptFallback();
    }
    if (source.kind === 'http' && this.#timer === undefined) this.#schedule(source);
  }

  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
    this.#watch?.stop();
  }

  /** Downloads or reads again; calls during one share it. @throws GatewayError `provider.update` */
  update(): Promise<void> {
    this.#running ??= this.#pull().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #startDownloads(source: HttpSource): Promise<void> {
    const { log, clock } = this.#parts;
    if (!(await this.#loadCopy(source))) return this.update();
    const ageMs = Math.max(0, clock.now() - (this.#updatedAtMs ?? 0));
    const intervalMs = source.intervalSeconds * 1000;
    if (intervalMs === 0) return;
    const isOld = ageMs > intervalMs;
    this.#schedule(source, isOld ? intervalMs : intervalMs - ageMs);
    if (!isOld) return;
    log.info(`[Provider] ${this.#use.name} not updated for a long time, force refresh`);
    this.#refresh();
  }

  /** Whether the last good copy is there and in use now. */
  async #loadCopy({ path }: HttpSource): Promise<boolean> {
    try {
      const { content, modifiedMs } = await readContent(path);
      const parsed = await this.#use.parse(content);
      if (this.#stopping.signal.aborted) return true;
      this.#accept(parsed, hashOf(content), modifiedMs);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#parts.log.warning(`[Provider] ${this.#use.name} copy is unusable: ${errorText(error)}`);
      return false;
    }
  }

  /** Every interval, and sooner while there is nothing to serve. */
  #schedule(source: HttpSource, firstMs?: number): void {
    const intervalMs = source.intervalSeconds * 1000;
    const delayMs = firstMs ?? (this.#hash === '' ? Math.min(intervalMs || RETRY_MS, RETRY_MS) : intervalMs);
    if (delayMs === 0 || this.#stopping.signal.aborted) return;
    this.#timer = this.#parts.clock.after(delayMs, () => {
      void this.#refreshed().then(() => this.#schedule(source));
    });
  }

  #refresh(): void {
    void this.#refreshed();
  }

  /** An update that nobody waits for; failures are logged. */
  async #refreshed(): Promise<void> {
    const [outcome] = await Promise.allSettled([this.update()]);
    if (outcome.status === 'fulfilled' || this.#stopping.signal.aborted) return;
    this.#parts.log.error(`[Provider] ${this.#use.name} pull error: ${errorText(outcome.reason)}`);
  }

  async #pull(): Promise<void> {
    const { source } = this.#use;
    try {
      if (source.kind === 'http') await this.#download(source);
      else if (source.kind === 'file') await this.#read(source.path);
      else await this.#acceptInline();
      this.#lastError = '';
    } catch (error) {
      this.#lastError = errorText(error);
      throw new GatewayError('unavailable', 'provider.update', this.#lastError, { cause: error });
    }
  }

  async #download(source: HttpSource): Promise<void> {
    const { clock, fetcher, etags } = this.#parts;
    const { signal } = this.#stopping;
    const download = await downloadContent(source, fetcher, etags(), this.#hash, signal);
    signal.throwIfAborted();
    this.#use.onHeaders?.(download.headers);
    if (download.kind === 'unchanged') return this.#touch(source.path);
    const hash = hashOf(download.body);
    if (hash === this.#hash) await this.#touch(source.path, download.body);
    else {
      const parsed = await this.#use.parse(download.body);
      await this.#saveCopy(source.path, download.body);
      signal.throwIfAborted();
      this.#accept(parsed, hash, clock.now());
    }
    const etag = download.headers.get('etag');
    if (etag !== undefined) etags()?.save(source.url, { contentHash: hash, etag }, clock.now());
  }

  async #read(path: string): Promise<void> {
    const { content, modifiedMs } = await readContent(path);
    const hash = hashOf(content);
    if (hash === this.#hash) this.#updatedAtMs = modifiedMs;
    else {
      const parsed = await this.#use.parse(content);
      if (!this.#stopping.signal.aborted) this.#accept(parsed, hash, modifiedMs);
    }
  }

  async #acceptInline(): Promise<void> {
    const { fallback } = this.#use;
    const parsed = this.#hash === '' ? await fallback?.() : undefined;
    if (this.#stopping.signal.aborted) return;
    if (parsed !== undefined) this.#use.accept(parsed);
    this.#hash = INLINE;
    this.#updatedAtMs = this.#parts.clock.now();
  }

  /** What the configuration has for the case that nothing can be loaded; the source is asked again all the same. */
  async #acceptFallback(): Promise<void> {
    const { fallback, accept, kind, name, source } = this.#use;
    if (fallback === undefined || source.kind === 'inline') return;
    try {
      const parsed = await fallback();
      // The source may have answered meanwhile.
      if (this.#hash === '' && !this.#stopping.signal.aborted) accept(parsed);
    } catch (error) {
      this.#parts.log.error(`initial ${kind} provider ${name} error: ${errorText(error)}`);
    }
  }

  #accept(parsed: T, hash: string, updatedAtMs: number): void {
    this.#use.accept(parsed);
    this.#hash = hash;
    this.#updatedAtMs = updatedAtMs;
  }

  /** Dates the copy; writes it anew when it has gone and the content is at hand. */
  async #touch(path: string, content?: Uint8Array): Promise<void> {
    const nowMs = this.#parts.clock.now();
    this.#updatedAtMs = nowMs;
    const [outcome] = await Promise.allSettled([utimes(path, nowMs / 1000, nowMs / 1000)]);
    if (outcome.status === 'fulfilled') return;
    if (content === undefined) this.#warnOfCopy(outcome.reason);
    else await this.#saveCopy(path, content);
  }

  /** A copy that cannot be written costs a download at the next start, no more. */
  async #saveCopy(path: string, content: Uint8Array): Promise<void> {
    const [outcome] = await Promise.allSettled([writeFileAtomically(path, content)]);
    if (outcome.status === 'rejected') this.#warnOfCopy(outcome.reason);
  }

  #warnOfCopy(error: unknown): void {
    this.#parts.log.warning(`[Provider] ${this.#use.name} keeps no copy: ${errorText(error)}`);
  }
}

async function readContent(path: string) {
  const { mtimeMs, size, isFile } = await stat(path).then((stats) => ({
    mtimeMs: stats.mtimeMs,
    size: stats.size,
    isFile: stats.isFile(),
  }));
  if (!isFile) throw new GatewayError('invalid', 'provider.file', `${path} is not a file`);
  if (size > FILE_LIMIT_BYTES)
    throw new GatewayError('limit', 'provider.file', `${path} exceeds ${FILE_LIMIT_BYTES} bytes`);
  return { content: await readFile(path), modifiedMs: mtimeMs };
}

function hashOf(content: Uint8Array): string {
  return createHash('md5').update(content).digest('hex');
}
