import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '@sluice/base/clock';
import type {
  CaView,
  CollectionStatus,
  InspectControl,
  InspectStatus,
  PageQuery,
  RequestRecord,
  ResponseRecord,
  WithBody,
} from './port.ts';
import type { ResponseRules } from './rule/response-rules.ts';
import type { ExchangeStore } from './store/exchange-store.ts';

/** What the control shows of the certificate authority. */
export type CaSource = { readonly view: CaView; export(format: 'pem' | 'der' | 'p12'): Promise<Buffer> };

export type InspectControlParts = {
  readonly clock: Clock;
  readonly store: ExchangeStore;
  readonly rules: ResponseRules;
  /** The authority as it is now; it can be made anew while the gateway runs. */
  readonly authority: () => CaSource;
  readonly listeners: InspectControl['listeners'];
};

const HOUR_MS = 3_600_000;
const SCAN_ROWS = 100;

type Scanned<R> = { readonly rows: readonly WithBody<R>[]; readonly lastSequence: number | undefined };

/** The use cases of the inspect plane over its store, rules and authority. */
export function createInspectControl(parts: InspectControlParts): InspectControl {
  const { store, rules, clock, authority, listeners } = parts;
  return {
    exchanges: (query) => store.query('list', query),
    exchange: (id) => store.query('exchange', id),
    exchangeCount: () => store.totals.requests,

    hosts: () => store.query('hosts', undefined),
    activeHosts: (hours) => store.query('activeHosts', { sinceMs: clock.now() - hours * HOUR_MS }),

    requests: (query) => store.query('requests', withBareHost(query)),
    allRequests: () => walkRequests(store),
    request: (id) => store.query('request', id),
    responses: (query) => store.query('responses', withBareHost(query)),
    allResponses: () => walkResponses(store),
    response: (id) => store.query('response', id),
    modifiedResponse: (requestId) => store.query('modifiedResponse', requestId),

    deleteRequest: (id) => store.delete('deleteRequest', id),
    deleteResponse: (id) => store.delete('deleteResponse', id),
    deleteHostRequests: (host) => store.delete('deleteHostRequests', bareHost(host)),
    deleteHostResponses: (host) => store.delete('deleteHostResponses', bareHost(host)),
    deleteAll: () => store.deleteAll(),

    stats: () => store.query('stats', undefined),
    status: () => readStatus(store),

    responseRules: () => rules.list(),
    responseRule: (id) => rules.get(id),
    createResponseRule: (input) => rules.create(input),
    updateResponseRule: (id, input) => rules.update(id, input),
    deleteResponseRule: (id) => rules.delete(id),

    ca: () => authority().view,
    exportCa: (format) => authority().export(format),
    listeners,
  };
}

// IPv6 literals are stored without brackets and asked for either way.
function bareHost(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

function withBareHost(query: PageQuery): PageQuery {
  return query.host === undefined ? query : { ...query, host: bareHost(query.host) };
}

async function* walkRequests(store: ExchangeStore): AsyncGenerator<WithBody<RequestRecord>> {
  let after: number | undefined = 0;
  while (after !== undefined) {
    const scanned: Scanned<RequestRecord> = await store.query('scanRequests', {
      afterSequence: after,
      limit: SCAN_ROWS,
    });
    yield* scanned.rows;
    after = scanned.lastSequence;
  }
}

async function* walkResponses(store: ExchangeStore): AsyncGenerator<WithBody<ResponseRecord>> {
  let after: number | undefined = 0;
  while (after !== undefined) {
    const scanned: Scanned<ResponseRecord> = await store.query('scanResponses', {
      afterSequence: after,
      limit: SCAN_ROWS,
    });
    yield* scanned.rows;
    after = scanned.lastSequence;
  }
}

async function readStatus(store: ExchangeStore): Promise<InspectStatus> {
  const { totals, ...database } = await store.query('status', undefined);
  const { path } = store;
  const exists = existsSync(path);
  const collection = (sizeBytes: number, count: number): CollectionStatus => ({
    path,
    exists,
    sizeBytes,
    count,
  });
  const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return {
    directory: dirname(path),
    requests: collection(totals.requestBytes, totals.requests),
    responses: collection(totals.responseBytes, totals.responses),
    modifiedResponses: collection(totals.modifiedBytes, totals.modified),
    database: {
      engine: 'sqlite',
      path,
      size: sizeOf(path),
      walSize: sizeOf(`${path}-wal`),
      bodiesSize: database.segmentBytes,
      pageSize: database.pageBytes,
      pageCount: database.pageCount,
      freePages: database.freePages,
      schemaVersion: database.schemaVersion,
    },
  };
}
