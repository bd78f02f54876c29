import type { Duplex } from 'node:stream';
import { formatEndpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { ChunkReader } from '../net/chunk-reader.ts';
import type { FlowSink } from './inbound.ts';

/** A routed connection to an origin server, used for one exchange at a time. */
export type Upstream = {
  readonly key: string;
  readonly stream: Duplex;
  readonly reader: ChunkReader;
  /** True when an earlier exchange used it, so that its end before a response may only mean that it had timed out. */
  readonly reused: boolean;
};

const IDLE_LIMIT = 8;

/** The origin connections of one client connection; they live as long as it does. */
export class HttpUpstreams {
  readonly #sink: FlowSink;
  readonly #idle = new Map<string, Upstream & { readonly unwatch: () => void }>();
  /** Idle ones and those in an exchange: both are of no use once the client has gone. */
  readonly #open = new Set<Duplex>();
  readonly #gone = new AbortController();

  constructor(sink: FlowSink) {
    this.#sink = sink;
  }

  /** An idle connection to the flow's destination, or a new one. @throws GatewayError when no outbound could connect or the client has gone */
  async take(metadata: FlowMetadata, fresh = false): Promise<Upstream> {
    const key = formatEndpoint(metadata.host, metadata.destinationPort);
    const idle = this.#idle.get(key);
    if (idle !== undefined) {
      this.#idle.delete(key);
      idle.unwatch();
      const { stream, reader } = idle;
      if (!fresh && !stream.destroyed && !stream.readableEnded) return { key, stream, reader, reused: true };
      idle.stream.destroy();
    }
    const { stream } = await this.#sink.open(metadata, this.#gone.signal);
    stream.on('error', () => stream.destroy());
    if (this.#gone.signal.aborted) {
      stream.destroy();
      throw new GatewayError('unavailable', 'route.client-gone', 'the client has gone');
    }
    this.#open.add(stream);
    stream.once('close', () => this.#open.delete(stream));
    return { key, stream, reader: new ChunkReader(stream), reused: false };
  }

  /** Keeps a connection whose exchange is complete. */
  give(upstream: Upstream): void {
    const { stream, key } = upstream;
    this.#idle.get(key)?.stream.destroy();
    const [oldest] = this.#idle.values();
    if (this.#idle.size >= IDLE_LIMIT && oldest !== undefined) this.#discard(oldest);
    if (this.#gone.signal.aborted || stream.destroyed) {
      stream.destroy();
      return;
    }
    const onReadable = () => {
      if (this.#idle.get(key)?.stream === stream) this.#discard(upstream);
    };
    this.#idle.set(key, { ...upstream, unwatch: () => void stream.off('readable', onReadable) });
    // Nothing may come while idle: an end or stray bytes make the connection useless.
    stream.on('readable', onReadable);
  }

  /** The client has gone: ends every connection, and every attempt to open one. */
  close(): void {
    this.#gone.abort();
    for (const stream of this.#open) stream.destroy();
    this.#idle.clear();
  }

  #discard(upstream: Upstream): void {
    this.#idle.delete(upstream.key);
    upstream.stream.destroy();
  }
}
