import type { Clock, Timer } from '@sluice/base/clock';
import { type HeaderLines, headerValue } from '@sluice/codec/http1/header';
import type { Upstream } from './upstream.ts';

/** Idle upstreams that outlive the client connection they were opened for; `key` is theirs. */
export interface SharedUpstreams {
  take(key: string): Upstream | undefined;
  give(upstream: Upstream): void;
}

const IDLE_MS = 4_000;
const SWEEP_MS = 1_000;
const MAX_IDLE = 256;
const MAX_IDLE_PER_KEY = 32;

type Idle = { readonly upstream: Upstream; readonly sinceMs: number };

/**
 * Keeps upstream connections for a few seconds after their client has gone, since opening TLS anew costs several times
 * what an exchange does. A client only ever gets connections that were opened for its own address.
 */
export class UpstreamPool {
  readonly #clock: Clock;
  readonly #idle = new Map<string, Idle[]>();
  #size = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#size;
  }

  /** The part of the pool for one client address. */
  forClient(ip: string): SharedUpstreams {
    return {
      take: (key) => this.#take(`${ip} ${key}`),
      give: (upstream) => this.#give(`${ip} ${upstream.key}`, upstream),
    };
  }

  /** Closes what is idle, and from now on whatever becomes so. */
  close(): void {
    this.#closed = true;
    this.#sweep(Number.POSITIVE_INFINITY);
  }

  #take(key: string): Upstream | undefined {
    const list = this.#idle.get(key);
    for (let found = list?.pop(); found !== undefined; found = list?.pop()) {
      this.#size -= 1;
      if (list?.length === 0) this.#idle.delete(key);
      if (found.upstream.usable) return found.upstream;
    }
    return undefined;
  }

  #give(key: string, upstream: Upstream): void {
    const list = this.#idle.get(key) ?? [];
    if (this.#closed || !upstream.usable || this.#size >= MAX_IDLE || list.length >= MAX_IDLE_PER_KEY) {
      upstream.destroy();
      return;
    }
    list.push({ upstream, sinceMs: this.#clock.monotonicMs() });
    this.#idle.set(key, list);
    this.#size += 1;
    this.#timer ??= this.#clock.every(SWEEP_MS, () => this.#sweep(this.#clock.monotonicMs() - IDLE_MS));
  }

  /** Closes what has been idle since `untilMs` or longer, and forgets what its server closed. */
  #sweep(untilMs: number): void {
    for (const [key, list] of this.#idle) {
      const kept = list.filter(({ upstream, sinceMs }) => {
        if (upstream.usable && sinceMs > untilMs) return true;
        upstream.destroy();
        return false;
      });
      this.#size -= list.length - kept.length;
      if (kept.length > 0) this.#idle.set(key, kept);
      else this.#idle.delete(key);
    }
    if (this.#size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** True when a header of either direction signs the connection in instead of the request (RFC 4559, NTLM). */
export function bindsConnection(headers: HeaderLines): boolean {
  for (const name of ['authorization', 'www-authenticate']) {
    const value = headerValue(headers, name);
    if (value !== undefined && /^(?:ntlm|negotiate)\b/i.test(value)) return true;
  }
  return false;
}
