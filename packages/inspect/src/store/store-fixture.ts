import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@sluice/base/clock';
import { Events } from '@sluice/core/events';
import type { Logger } from '@sluice/core/log/logger';
import {
  type CapturedBody,
  type CapturedExchange,
  type CapturedResponse,
  EMPTY_BODY,
} from '../exchange/exchange.ts';
import type { HeaderLines } from '../port.ts';
import type { ExchangeStoreContext } from './exchange-store.ts';

/** What a test wants an exchange to be; everything else is filled in. */
export type SampleExchange = {
  readonly url?: string;
  /** Without brackets; the URL's when absent. */
  readonly host?: string;
  readonly method?: string;
  readonly status?: number;
  readonly requestHeaders?: HeaderLines;
  readonly responseHeaders?: HeaderLines;
  readonly requestBody?: string | Uint8Array;
  readonly responseBody?: string | Uint8Array;
  readonly response?: undefined;
  readonly modifiedBody?: string;
  readonly error?: string;
};

let nextId = 0;

/** A whole body. */
export function bodyOf(content: string | Uint8Array): CapturedBody {
  const bytes = Buffer.from(content);
  return bytes.length === 0
    ? EMPTY_BODY
    : { chunks: [bytes], storedBytes: bytes.length, sizeBytes: bytes.length, truncated: false };
}

function responseOf(status: number, headers: HeaderLines, body: string | Uint8Array): CapturedResponse {
  return { status, statusText: 'OK', httpVersion: '1.1', headers, trailers: [], body: bodyOf(body) };
}

/** A finished exchange for tests and benchmarks. */
export function sampleExchange(sample: SampleExchange = {}): CapturedExchange {
  const url = new URL(sample.url ?? 'https://api.example.com/v1/items');
  const startedMs = Date.now();
  const responseHeaders = sample.responseHeaders ?? [['Content-Type', 'application/json']];
  const isModified = sample.modifiedBody !== undefined;
  return {
    id: `sample-${startedMs}-${nextId++}`,
    flowId: 'flow-1',
    clientIp: '127.0.0.1',
    clientPort: 50_000,
    route: ['DIRECT'],
    timing: {
      startedMs,
      requestEndMs: startedMs + 1,
      connectedMs: startedMs + 2,
      responseStartMs: startedMs + 5,
      endedMs: startedMs + 9,
    },
    request: {
      url: url.href,
      method: sample.method ?? 'GET',
      scheme: url.protocol === 'https:' ? 'https' : 'http',
      host: sample.host ?? url.hostname,
      port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
      httpVersion: '1.1',
      headers: sample.requestHeaders ?? [['Host', url.host]],
      trailers: [],
      body: bodyOf(sample.requestBody ?? ''),
    },
    response:
      'response' in sample
        ? undefined
        : responseOf(sample.status ?? 200, responseHeaders, sample.responseBody ?? '{"ok":true}'),
    modified: isModified ? responseOf(200, responseHeaders, sample.modifiedBody ?? '') : undefined,
    rule: isModified ? { id: 'rule_1_1', name: 'a rule', matchedRules: 2 } : undefined,
    error: sample.error ?? '',
  };
}

/** A gateway context whose data directory is removed by `remove`; log lines at error level and above are collected. */
export function storeContext(clock: Clock = systemClock): {
  readonly context: ExchangeStoreContext;
  readonly errors: string[];
  readonly remove: () => void;
} {
  const dataDir = mkdtempSync(join(tmpdir(), 'sluice-inspect-'));
  const errors: string[] = [];
  const log: Logger = {
    enabled: () => true,
    debug: () => undefined,
    info: () => undefined,
    warning: () => undefined,
    error: (message, fields) => void errors.push(`${message} ${JSON.stringify(fields ?? {})}`),
    child: () => log,
  };
  const events = new Events((error) => {
    throw error;
  });
  const context = { clock, log, events, dataDir };
  return { context, errors, remove: () => rmSync(dataDir, { recursive: true, force: true }) };
}
