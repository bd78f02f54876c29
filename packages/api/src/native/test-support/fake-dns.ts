import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { DnsAnswerView, DnsControl, DnsLogEntry } from '@sluice/route/port';

const ANSWERS: readonly Omit<DnsLogEntry, 'timeMs'>[] = [
  {
    name: 'video.example.com',
    type: 'A',
    client: '192.168.1.12:51020',
    via: 'fake-ip',
    server: '',
    status: 'NOERROR',
    answers: ['198.18.0.21'],
    durationMs: 0,
  },
  {
    name: 'mail.example.com',
    type: 'AAAA',
    client: '192.168.1.14:40112',
    via: 'cache',
    server: '',
    status: 'NOERROR',
    answers: ['2001:db8::25'],
    durationMs: 0,
  },
  {
    name: 'intranet.corp.example',
    type: 'A',
    client: 'rule',
    via: 'policy +.corp.example',
    server: 'udp://10.0.0.53:53',
    status: 'NOERROR',
    answers: ['10.2.0.7', '10.2.0.8'],
    durationMs: 4,
  },
  {
    name: 'cdn.example.net',
    type: 'HTTPS',
    client: '192.168.1.12:51021',
    via: 'main',
    server: 'https://dns.example/dns-query',
    status: 'NOERROR',
    answers: ['1 . alpn="h2,h3"'],
    durationMs: 38,
  },
  {
    name: 'typo.example.org',
    type: 'A',
    client: '192.168.1.12:51022',
    via: 'fallback',
    server: 'tls://9.9.9.9:853',
    status: 'NXDOMAIN',
    answers: [],
    durationMs: 61,
  },
  {
    name: 'lost.example.io',
    type: 'A',
    client: 'direct',
    via: 'main',
    server: '',
    status: 'ERROR',
    answers: [],
    durationMs: 5000,
  },
];

/** A resolver with a log of every kind of answer; it knows every name but those that begin with `no`. */
export class FakeDnsControl implements DnsControl {
  enabled = true;
  readonly #clock: Clock;
  readonly #log: DnsLogEntry[];
  #cacheEntries = 4312;
  #fakeIps = 187;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#log = ANSWERS.map((entry, index) => ({ ...entry, timeMs: clock.now() - index * 1700 }));
  }

  async query(name: string, type: string): Promise<DnsAnswerView> {
    if (!this.enabled) throw new GatewayError('conflict', 'dns.disabled', 'DNS section is disabled');
    if (!/^(A|AAAA|HTTPS|MX|TXT|NS|CNAME|SRV|PTR|SOA|CAA)$/.test(type)) {
      throw new GatewayError('invalid', 'dns.type', 'invalid query type');
    }
    const known = !name.startsWith('no');
    this.add({
      name,
      type,
      client: 'api',
      via: 'main',
      server: 'udp://10.0.0.53:53',
      status: known ? 'NOERROR' : 'NXDOMAIN',
      answers: known ? ['203.0.113.7'] : [],
      durationMs: 12,
    });
    const record = (data: string, kind: number) => ({ name: `${name}.`, type: kind, ttl: 300, data });
    return {
      status: known ? 0 : 3,
      question: { name: `${name}.`, type: type === 'AAAA' ? 28 : 1, class: 1 },
      truncated: false,
      recursionDesired: true,
      recursionAvailable: true,
      authenticData: known,
      checkingDisabled: false,
      answers: known ? [record('edge.example.net.', 5), record('203.0.113.7', 1)] : [],
      authorities: known ? [] : [record('ns.example. admin.example. 1 7200 900 1209600 86400', 6)],
      additionals: [],
    };
  }

  async answer(message: Uint8Array): Promise<Uint8Array> {
    return message;
  }

  flushCache(): void {
    this.#cacheEntries = 0;
  }

  flushFakeIp(): void {
    this.#fakeIps = 0;
  }

  log(limit: number): readonly DnsLogEntry[] {
    return this.#log.slice(0, limit);
  }

  /** Adds a question as the newest one. */
  add(entry: Omit<DnsLogEntry, 'timeMs'>): void {
    this.#log.unshift({ ...entry, timeMs: this.#clock.now() });
  }

  stats() {
    return {
      queries: 18_204 + this.#log.length,
      cacheHits: 12_077,
      cacheEntries: this.#cacheEntries,
      fakeIps: this.#fakeIps,
    };
  }
}
