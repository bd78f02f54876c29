import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '@sluice/base/clock';
import { Events } from '@sluice/core/events';
import type { Logger } from '@sluice/core/log/logger';
import { type CapturedExchange, EMPTY_BODY } from '@sluice/inspect/exchange/exchange';
import { DEFAULT_STORE_SETTINGS, ExchangeStore } from '@sluice/inspect/store/exchange-store';
import type { BenchRow } from './bench-row.ts';

const ROWS = Number(process.env['BENCH_EXCHANGES'] ?? 100_000);
const REPEATS = 5;
const BODY_BYTES = 2_048;
const HOSTS = 50;
const WAITING_LIMIT = 10_000;

const log: Logger = {
  enabled: () => false,
  debug: () => undefined,
  info: () => undefined,
  warning: (message) => console.error(message),
  error: (message, fields) => console.error(message, fields),
  child: () => log,
};

/** How fast exchanges with 2 KiB bodies are stored, and how long lists and searches over them take. */
export async function benchExchangeStore(): Promise<BenchRow[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const events = new Events((error) => console.error(error));
  const store = await ExchangeStore.open(
    { clock: systemClock, log, events, dataDir },
    {
      ...DEFAULT_STORE_SETTINGS,
      retention: { ...DEFAULT_STORE_SETTINGS.retention, maxExchanges: ROWS * 2 },
      searchLimitMs: 120_000,
    },
  );
  try {
    const stored = await storeAll(store);
    return [stored, ...(await timeQueries(store))];
  } finally {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function storeAll(store: ExchangeStore): Promise<BenchRow> {
  const perRepeat = Math.floor(ROWS / REPEATS);
  const values: number[] = [];
  const cpuBefore = process.cpuUsage();
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const startMs = performance.now();
    for (let index = 0; index < perRepeat; index++) {
      store.record(exchangeNumber(repeat * perRepeat + index));
      while (store.pendingExchanges > WAITING_LIMIT) await nextTurn();
    }
    await store.flush();
    values.push(Math.round((perRepeat / (performance.now() - startMs)) * 1_000));
  }
  const cpu = process.cpuUsage(cpuBefore);
  const cpuMicros = (cpu.user + cpu.system) / (perRepeat * REPEATS);
  const note = `${BODY_BYTES} byte bodies, committed; ${cpuMicros.toFixed(1)} us CPU each over all threads, making the input included; ${store.exchangesWithoutBodies} without body, ${store.lostExchanges} lost`;
  return { name: 'exchanges stored', unit: 'exchanges/s', values, note };
}

async function timeQueries(store: ExchangeStore): Promise<BenchRow[]> {
  const page = { page: 1, limit: 20, isRegex: false };
  const deep = Math.max(1, Math.floor(ROWS / 20 / 2));
  const rare = String(ROWS - 7);
  const queries: readonly [string, () => Promise<unknown>][] = [
    ['first page', () => store.query('responses', page)],
    ['middle page', () => store.query('responses', { ...page, page: deep })],
    ['first page of one host', () => store.query('responses', { ...page, host: 'api7.example.com' })],
    ['statistics', () => store.query('stats', undefined)],
    ['live list, rare keyword in URL', () => store.query('list', { limit: 100, filter: `users/${rare}/` })],
    [
      'all fields, keyword that is nowhere',
      () => store.query('responses', { ...page, keyword: 'zzz-nowhere' }),
    ],
    [
      'all fields, regex that is nowhere',
      () => store.query('responses', { ...page, keyword: 'zzz\\d+nowhere', isRegex: true }),
    ],
  ];
  const rows: BenchRow[] = [];
  for (const [name, run] of queries) {
    const values: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const startMs = performance.now();
      await run();
      values.push(performance.now() - startMs);
    }
    rows.push({ name: `${name}, ${ROWS} exchanges`, unit: 'ms', values });
  }
  return rows;
}

const BODY = Buffer.alloc(BODY_BYTES, '{"id":12345,"name":"a plain item","tags":["x","y"]},');

function exchangeNumber(index: number): CapturedExchange {
  const host = `api${index % HOSTS}.example.com`;
  const startedMs = Date.now();
  return {
    id: `ex_${startedMs}_${index}`,
    flowId: `flow-${index}`,
    clientIp: '127.0.0.1',
    clientPort: 50_000,
    route: ['DIRECT'],
    timing: {
      startedMs,
      requestEndMs: startedMs,
      connectedMs: startedMs + 1,
      responseStartMs: startedMs + 9,
      endedMs: startedMs + 12,
    },
    request: {
      url: `https://${host}/v1/users/${index}/orders?page=${index % 13}`,
      method: index % 5 === 0 ? 'POST' : 'GET',
      scheme: 'https',
      host,
      port: 443,
      httpVersion: '1.1',
      headers: [
        ['Host', host],
        ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64)'],
        ['Accept', '*/*'],
        ['Accept-Encoding', 'gzip, br'],
        ['Cookie', 'session=abcdef0123456789; theme=dark'],
      ],
      trailers: [],
      body: EMPTY_BODY,
    },
    response: {
      status: index % 50 === 0 ? 404 : 200,
      statusText: 'OK',
      httpVersion: '1.1',
      headers: [
        ['Content-Type', 'application/json'],
        ['Content-Length', String(BODY_BYTES)],
        ['Date', 'Sat, 21 Nov 2026 12:36:03 GMT'],
        ['Server', 'nginx'],
        ['Cache-Control', 'no-store'],
        ['Connection', 'keep-alive'],
      ],
      trailers: [],
      body: { chunks: [BODY], storedBytes: BODY_BYTES, sizeBytes: BODY_BYTES, truncated: false },
    },
    modified: undefined,
    rule: undefined,
    error: '',
  };
}
