import type { Duplex } from 'node:stream';
import { formatEndpoint } from '@sluice/base/address';
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
  readonly #idle = new Map<string, Upstream>();
  #closed = false;

  constructor(sink: FlowSink) {
    this.#sink = sink;
  }

  /** An idle connection to the flow's destination, or a new one. @throws GatewayError when no outbound could connect */
  async take(metadata: FlowMetadata, fresh = false): Promise<Upstream> {
    const key = formatEndpoint(metadata.host, metadata.destinationPort);
    const idle = this.#idle.get(key);
    if (idle !== undefined) {
      this.#idle.delete(key);
      idle.stream.removeAllListeners('readable');
      if (!fresh && !idle.stream.destroyed && !idle.stream.readableEnded) return { ...idle, reused: true };
      idle.stream.destroy();
    }
    const { stream } = await this.#sink.open(metadata);
    stream.on('error', () => stream.destroy());
    return { key, stream, reader: new ChunkReader(stream), reused: false };
  }

  /** Keeps a connection whose exchange is complete. */
  give(upstream: Upstream): void {
    const { stream, key } = upstream;
    this.#idle.get(key)?.stream.destroy();
    const [oldest] = this.#idle.values();
    if (this.#idle.size >= IDLE_LIMIT && oldest !== undefined) this.#discard(oldest);
    if (this.#closed || stream.destroyed) {
      stream.destroy();
      return;
    }
    this.#idle.set(key, upstream);
    // Nothing may come while idle: an end or stray bytes make the connection useless.
    stream.on('readable', () => {
      if (this.#idle.get(key) === upstream) this.#discard(upstream);
    });
  }

  close(): void {
    this.#closed = true;
    for (const upstream of this.#idle.values()) upstream.stream.destroy();
    this.#idle.clear();
  }

  #discard(upstream: Upstream): void {
    this.#idle.delete(upstream.key);
    upstream.stream.destroy();
  }
}
