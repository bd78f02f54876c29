import type { Clock } from '@sluice/base/clock';
import type { StatisticsControl, StatisticsQuery, StatisticsRow } from '@sluice/route/port';

const HOUR_MS = 3_600_000;

const KEYS: Readonly<Record<StatisticsQuery['by'], readonly string[]>> = {
  client: ['192.168.1.12', '192.168.1.14', '192.168.1.30', '2001:db8:1::42'],
  host: [
    'video.example.com',
    'cdn.example.net',
    'registry.example.io',
    'mail.example.com',
    'a-rather-long-name-of-a-content-server.region-7.download.example.org',
    '203.0.113.9',
  ],
  rule: ['DomainSuffix(example.com)', 'RuleSet(media)', 'GeoIP(zz)', 'Match()'],
  outbound: ['edge-1', 'edge-2', 'DIRECT', 'REJECT'],
};

/** Ninety days of traffic with a daily rhythm. */
export class FakeStatistics implements StatisticsControl {
  readonly #clock: Clock;
  #cleared = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  top({ by, fromMs, toMs, limit }: StatisticsQuery): readonly StatisticsRow[] {
    if (this.#cleared) return [];
    const days = Math.max(1, (toMs - fromMs) / (24 * HOUR_MS));
    return KEYS[by].slice(0, limit).map((key, index) => ({
      key,
      connections: Math.round((900 * days) / (index + 1)),
      upload: Math.round((140_000_000 * days) / (index + 1) ** 2),
      download: Math.round((2_400_000_000 * days) / (index + 1) ** 2),
    }));
  }

  timeline(fromMs: number, toMs: number): readonly StatisticsRow[] {
    if (this.#cleared) return [];
    const rows: StatisticsRow[] = [];
    const end = Math.min(toMs, this.#clock.now());
    const start = Math.floor(Math.max(fromMs, end - 90 * 24 * HOUR_MS) / HOUR_MS);
    for (let hour = start; hour * HOUR_MS <= end; hour++) {
      const busy = 1 + Math.sin(((hour % 24) / 24) * 2 * Math.PI) + (hour % 7) / 7;
      // Nights without any traffic are left out, as in the real one.
      if (busy < 0.35) continue;
      rows.push({
        key: String(hour * HOUR_MS),
        connections: Math.round(60 * busy),
        upload: Math.round(9_000_000 * busy),
        download: Math.round(160_000_000 * busy),
      });
    }
    return rows;
  }

  clear(): void {
    this.#cleared = true;
  }
}
