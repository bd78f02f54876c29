import { GatewayError } from '@sluice/base/errors';
import type {
  DnsAnswerView,
  DnsControl,
  GeoControl,
  StatisticsControl,
  StorageControl,
} from '@sluice/route/port';

const ANSWER: DnsAnswerView = {
  status: 0,
  question: { name: 'example.com.', type: 1, class: 1 },
  truncated: false,
  recursionDesired: true,
  recursionAvailable: true,
  authenticData: false,
  checkingDisabled: false,
  answers: [{ name: 'example.com.', type: 1, ttl: 300, data: '93.184.216.34' }],
  authorities: [],
  additionals: [],
};

/** A resolver that knows one answer; messages come back as they are. */
export class FakeDns implements DnsControl {
  readonly #asked: string[];
  enabled = true;
  reply: () => DnsAnswerView = () => ANSWER;
  fakeIpFailure = '';

  constructor(asked: string[]) {
    this.#asked = asked;
  }

  async query(name: string, type: string): Promise<DnsAnswerView> {
    this.#asked.push(`dns ${name} ${type}`);
    if (!/^[A-Z][A-Z0-9]*$/.test(type)) throw new GatewayError('invalid', 'dns.type', 'invalid query type');
    return this.reply();
  }

  async answer(message: Uint8Array, client: string, limitBytes = 65_535): Promise<Uint8Array> {
    this.#asked.push(`doh ${message.length} ${client.replace(/:\d+$/, '')} ${limitBytes}`);
    if (!this.enabled) throw new GatewayError('conflict', 'dns.disabled', 'DNS section is disabled');
    if (message.length < 12) throw new GatewayError('invalid', 'dns.message', 'the message is too short');
    return message;
  }

  flushCache(): void {
    this.#asked.push('flush dns');
  }

  flushFakeIp(): void {
    this.#asked.push('flush fakeip');
    if (this.fakeIpFailure !== '') throw new GatewayError('unavailable', 'store', this.fakeIpFailure);
  }

  log() {
    return [];
  }

  stats() {
    return { queries: 0, cacheHits: 0, cacheEntries: 0, fakeIps: 0 };
  }
}

/** Geo databases whose update fails with `failure`. */
export class FakeGeo implements GeoControl {
  readonly #asked: string[];
  failure: GatewayError | undefined;

  constructor(asked: string[]) {
    this.#asked = asked;
  }

  async update(): Promise<void> {
    this.#asked.push('geo');
    if (this.failure !== undefined) throw this.failure;
  }

  databases() {
    return [];
  }
}

/** The JSON store, in memory. */
export class FakeStorage implements StorageControl {
  readonly values = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  put(key: string, value: Uint8Array): void {
    if (Buffer.byteLength(key) <= 64) this.values.set(key, value);
  }

  delete(key: string): void {
    this.values.delete(key);
  }
}

/** History of nothing. */
export const noStatistics: StatisticsControl = {
  top: () => [],
  timeline: () => [],
  clear: () => {},
};
