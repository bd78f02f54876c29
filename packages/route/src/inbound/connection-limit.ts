import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Clock } from '@sluice/base/clock';
import type { Logger } from '@sluice/core/log/logger';

const MAX_CONNECTIONS = 65_536;
/** Files, databases, listeners and control connections. */
const RESERVED_DESCRIPTORS = 256;
const DESCRIPTORS_PER_CONNECTION = 2;
const LOG_EVERY_MS = 60_000;

/** How many connections the process can relay with the descriptors it may open. */
export function connectionLimit(): number {
  const descriptors = descriptorLimit();
  const room = Math.floor((descriptors - RESERVED_DESCRIPTORS) / DESCRIPTORS_PER_CONNECTION);
  return Math.max(64, Math.min(MAX_CONNECTIONS, room));
}

function descriptorLimit(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const [, soft = ''] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  return /^\d+$/.test(soft) ? Number(soft) : Number.POSITIVE_INFINITY;
}

/** Counts the connections of all inbounds and refuses more than the process can have. */
export class ConnectionLimit {
  readonly limit: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  #open = 0;
  #refused = 0;
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  readonly #onClose = () => {
    this.#open -= 1;
  };

  constructor(clock: Clock, log: Logger, limit = connectionLimit()) {
    this.#clock = clock;
    this.#log = log;
    this.limit = limit;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open;
  }

  /** Connections that were refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Counts a connection until it closes; false, and then it must be closed, when there are too many. */
  take(connection: Duplex): boolean {
    if (this.#open >= this.limit) {
      this.#refused += 1;
      this.#logOften();
      return false;
    }
    this.#open += 1;
    connection.once('close', this.#onClose);
    return true;
  }

  #logOften(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#loggedAtMs < LOG_EVERY_MS) return;
    this.#loggedAtMs = nowMs;
    this.#log.warning(`the limit of ${this.limit} inbound connections is reached; further ones are refused`);
  }
}
