import type { Clock, Timer } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { MediaOrigin, MediaTuple, Publication, StreamHub } from '@sluice/core/ports/media';
import type { LiveCounters, SlowReaderLimits } from '../live/limits.ts';
import { LiveStream, type Schema } from './live-stream.ts';
import type { StreamOptions } from './stream-options.ts';
import { tupleKey } from './tuple.ts';

export type SchemaChange = { readonly stream: LiveStream; readonly schema: Schema; readonly online: boolean };

export type RegistryOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly streamOptions: () => StreamOptions;
  readonly limits: SlowReaderLimits;
  readonly counters: LiveCounters;
  readonly leastMergeMs: () => number;
  /** How long a stream may go unwatched when it closes by itself. */
  readonly unwatchedLimitMs: () => number;
};

type TupleName = { readonly vhost: string; readonly app: string; readonly stream: string };

const MAX_STREAMS = 10_000;

/** Every live stream by name, and those who wait for one. */
export class StreamRegistry implements StreamHub {
  readonly #options: RegistryOptions;
  readonly #streams = new Map<string, LiveStream>();
  readonly #listeners = new Set<(change: SchemaChange) => void>();
  #timer: Timer | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#streams.size;
  }

  streams(): readonly LiveStream[] {
    return [...this.#streams.values()];
  }

  find(name: TupleName): LiveStream | undefined {
    return this.#streams.get(tupleKey(name));
  }

  /** Calls `listener` whenever a schema of a stream is registered or unregistered; returns the way to stop. */
  onChange(listener: (change: SchemaChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  publish(tuple: MediaTuple, origin: MediaOrigin): Publication {
    const key = tupleKey(tuple);
    const known = this.#streams.get(key);
    if (known !== undefined && known.state !== 'orphaned') {
      throw new GatewayError(
        'conflict',
        'media.already-publishing',
        `${tuple.app}/${tuple.stream} already has a publisher`,
      );
    }
    if (known === undefined && this.#streams.size >= MAX_STREAMS) {
      throw new GatewayError('limit', 'media.too-many-streams', `there are already ${MAX_STREAMS} streams`);
    }
    if (known === undefined) return new StreamPublication(this.#open(key, tuple, origin), origin);
    known.adopt(origin);
    return new StreamPublication(known, origin);
  }

  /**
   * The stream once players of `schema` are accepted, or `undefined` when that does not happen within `waitMs` or
   * before `signal` aborts.
   */
  waitFor(
    name: TupleName,
    schema: Schema,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<LiveStream | undefined> {
    const known = this.find(name);
    if (known?.hasSchema(schema) === true || waitMs <= 0 || signal.aborted) {
      return Promise.resolve(known?.hasSchema(schema) === true ? known : undefined);
    }
    const key = tupleKey(name);
    return new Promise((resolve) => {
      const finish = (stream: LiveStream | undefined) => {
        timer.cancel();
        stop();
        signal.removeEventListener('abort', onAbort);
        resolve(stream);
      };
      const onAbort = () => finish(undefined);
      const timer = this.#options.clock.after(waitMs, () => finish(undefined));
      const stop = this.onChange((change) => {
        if (change.online && change.schema === schema && tupleKey(change.stream.tuple) === key)
          finish(change.stream);
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Ends every stream. */
  closeAll(reason: string): void {
    for (const stream of this.streams()) {
      stream.origin?.close(reason);
      stream.close();
    }
  }

  #open(key: string, tuple: MediaTuple, origin: MediaOrigin): LiveStream {
    const { clock, log, limits, counters, leastMergeMs } = this.#options;
    const stream = new LiveStream(tuple, origin, {
      clock,
      log,
      options: this.#options.streamOptions(),
      limits,
      counters,
      leastMergeMs,
      schemaChanged: (changed, schema, online) => this.#announce({ stream: changed, schema, online }),
      closed: () => this.#forget(key),
    });
    this.#streams.set(key, stream);
    this.#timer ??= clock.every(1000, () => this.#check());
    return stream;
  }

  #forget(key: string): void {
    this.#streams.delete(key);
    if (this.#streams.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #announce(change: SchemaChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }

  #check(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const stream of this.streams()) {
      stream.check(nowMs);
      if (!stream.options.autoClose || stream.unwatchedMs() < this.#options.unwatchedLimitMs()) continue;
      stream.origin?.close('nobody watches');
      stream.close();
    }
  }
}

class StreamPublication implements Publication {
  readonly #stream: LiveStream;
  readonly #origin: MediaOrigin;
  #ended = false;

  constructor(stream: LiveStream, origin: MediaOrigin) {
    this.#stream = stream;
    this.#origin = origin;
  }

  /** False once ended here, or once the stream was closed or taken over. */
  get #current(): boolean {
    return !this.#ended && this.#stream.origin === this.#origin;
  }

  setTrack(track: Parameters<Publication['setTrack']>[0]): void {
    if (this.#current) this.#stream.setTrack(track);
  }

  tracksComplete(): void {
    if (this.#current) this.#stream.tracksComplete();
  }

  writeFrame(frame: Parameters<Publication['writeFrame']>[0]): void {
    if (this.#current) this.#stream.writeFrame(frame);
  }

  end(graceful: boolean): void {
    const current = this.#current;
    this.#ended = true;
    if (!current) return;
    if (graceful) this.#stream.close();
    else this.#stream.orphan();
  }
}
