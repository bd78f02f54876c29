import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type {
  ExchangeSummary,
  InspectStats,
  ModifiedResponseRecord,
  Page,
  PageQuery,
  RequestRecord,
  ResponseRecord,
  WithBody,
} from '../port.ts';
import { type ActiveHost, ExchangeReader, type ExchangeView, type StoreStatus } from './exchange-reader.ts';
import { serveCalls } from './worker-calls.ts';

export type ReaderOptions = {
  readonly path: string;
  readonly segmentDirectory: string;
  readonly searchLimitMs: number;
};

type Scan<R> = {
  readonly args: { readonly afterSequence: number; readonly limit: number };
  readonly result: { readonly rows: readonly R[]; readonly lastSequence: number | undefined };
};

/** What the reader thread does for the store. */
export type ReaderOperations = {
  readonly list: {
    readonly args: { readonly limit: number; readonly beforeSequence?: number; readonly filter?: string };
    readonly result: readonly ExchangeSummary[];
  };
  readonly exchange: { readonly args: string; readonly result: ExchangeView | undefined };
  readonly hosts: { readonly args: undefined; readonly result: readonly string[] };
  readonly activeHosts: {
    readonly args: { readonly sinceMs: number };
    readonly result: readonly ActiveHost[];
  };
  readonly requests: { readonly args: PageQuery; readonly result: Page<WithBody<RequestRecord>> };
  readonly responses: { readonly args: PageQuery; readonly result: Page<WithBody<ResponseRecord>> };
  readonly scanRequests: Scan<WithBody<RequestRecord>>;
  readonly scanResponses: Scan<WithBody<ResponseRecord>>;
  readonly request: { readonly args: string; readonly result: WithBody<RequestRecord> | undefined };
  readonly response: { readonly args: string; readonly result: WithBody<ResponseRecord> | undefined };
  readonly modifiedResponse: {
    readonly args: string;
    readonly result: WithBody<ModifiedResponseRecord> | undefined;
  };
  readonly stats: { readonly args: undefined; readonly result: InspectStats };
  readonly status: { readonly args: undefined; readonly result: StoreStatus };
  readonly releaseFiles: { readonly args: undefined; readonly result: undefined };
};

const MAPPED_BYTES = 1024 * 1024 * 1024;

if (parentPort !== null) startReader(workerData as ReaderOptions, parentPort);

function startReader(options: ReaderOptions, port: NonNullable<typeof parentPort>): void {
  const database = new DatabaseSync(options.path, { readOnly: true });
  database.exec(`PRAGMA mmap_size = ${MAPPED_BYTES}; PRAGMA busy_timeout = 5000`);
  const reader = new ExchangeReader(database, {
    directory: options.segmentDirectory,
    searchLimitMs: options.searchLimitMs,
  });
  serveCalls<ReaderOperations>(port, {
    list: (query) => reader.list(query),
    exchange: (id) => reader.exchange(id),
    hosts: () => reader.hosts(),
    activeHosts: ({ sinceMs }) => reader.activeHosts(sinceMs),
    requests: (query) => reader.page('request', query),
    responses: (query) => reader.page('response', query),
    scanRequests: ({ afterSequence, limit }) => reader.scan('request', afterSequence, limit),
    scanResponses: ({ afterSequence, limit }) => reader.scan('response', afterSequence, limit),
    request: (id) => reader.request(id),
    response: (id) => reader.response(id),
    modifiedResponse: (id) => reader.modifiedResponse(id),
    stats: () => reader.stats(),
    status: () => reader.status(),
    releaseFiles: () => {
      reader.releaseFiles();
      return undefined;
    },
  });
}
