import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type {
  ExchangeSummary,
  HostStats,
  InspectStats,
  ModifiedResponseRecord,
  Page,
  PageQuery,
  RequestRecord,
  ResponseRecord,
  WithBody,
} from '../port.ts';
import { searchRecords } from '../search/record-search.ts';
import { HOUR_MS, readTotals, type StoreTotals } from './counters.ts';
import {
  type ExchangeRow,
  type LoadedRecord,
  loadRecord,
  modifiedView,
  requestView,
  responseView,
  selectRows,
  toSummary,
} from './exchange-rows.ts';
import { parseRecordId } from './record-id.ts';
import { HAS_MODIFIED, HAS_REQUEST, HAS_RESPONSE } from './schema.ts';
import { SegmentReader, segmentPath } from './segment-files.ts';

/** Which list a query is about. */
export type RecordKind = 'request' | 'response';

type RecordView<K extends RecordKind> = WithBody<K extends 'request' ? RequestRecord : ResponseRecord>;

export type ExchangeReaderOptions = { readonly directory: string; readonly searchLimitMs: number };

export type ExchangeView = {
  readonly summary: ExchangeSummary;
  readonly request: WithBody<RequestRecord>;
  readonly response: WithBody<ResponseRecord> | undefined;
  readonly modified: WithBody<ModifiedResponseRecord> | undefined;
};

export type ActiveHost = { readonly hostname: string; readonly count: number; readonly lastActiveMs: number };

export type StoreStatus = {
  readonly totals: StoreTotals;
  readonly pageCount: number;
  readonly freePages: number;
  readonly pageBytes: number;
  readonly schemaVersion: number;
  readonly segmentBytes: number;
};

// One small body may grow to this for display; a page of bodies together to twice as much.
const DISPLAY_LIMIT_BYTES = 16 * 1024 * 1024;
const PAGE_LIMIT_BYTES = 32 * 1024 * 1024;
const LEAST_DISPLAY_BYTES = 64 * 1024;

/** Answers queries from its own connection, in a thread that may take its time. */
export class ExchangeReader {
  readonly #database: DatabaseSync;
  readonly #segments: SegmentReader;
  readonly #directory: string;
  readonly #searchLimitMs: number;

  constructor(database: DatabaseSync, options: ExchangeReaderOptions) {
    this.#database = database;
    this.#directory = options.directory;
    this.#segments = new SegmentReader(options.directory);
    this.#searchLimitMs = options.searchLimitMs;
  }

  close(): void {
    this.#segments.close();
  }

  /** Closes segment files, so that removed ones give their space back. */
  releaseFiles(): void {
    this.#segments.close();
  }

  list(query: {
    readonly limit: number;
    readonly beforeSequence?: number;
    readonly filter?: string;
  }): ExchangeSummary[] {
    const before = query.beforeSequence ?? Number.MAX_SAFE_INTEGER;
    const filter = query.filter ?? '';
    const rows =
      filter === ''
        ? selectRows(this.#database, 'WHERE e.seq < ? ORDER BY e.seq DESC LIMIT ?', before, query.limit)
        : this.#filtered(before, query.limit, filter);
    return rows.map(toSummary);
  }

  // Methods are few and known, and a status has three digits, so that most rows are decided by their URL alone.
  #filtered(before: number, limit: number, filter: string): ExchangeRow[] {
    const lower = filter.toLowerCase();
    const methods = this.#database.prepare('SELECT DISTINCT method FROM host_method').all();
    const named = methods
      .map((row) => String(row['method']))
      .filter((method) => method.toLowerCase().includes(lower));
    const alternatives = ["e.url LIKE ? ESCAPE '!'"];
    if (named.length > 0) alternatives.push(`e.method IN (${named.map(() => '?').join(', ')})`);
    if (/^\d{1,3}$/.test(filter)) alternatives.push(`instr(e.status, '${filter}') > 0`);
    const pattern = `%${filter.replace(/[!%_]/g, '!$&')}%`;
    const condition = `WHERE e.seq < ? AND (${alternatives.join(' OR ')}) ORDER BY e.seq DESC LIMIT ?`;
    return selectRows(this.#database, condition, before, pattern, ...named, limit);
  }

  async exchange(id: string): Promise<ExchangeView | undefined> {
    const row = this.#one('WHERE e.id = ? ORDER BY e.seq DESC LIMIT 1', id);
    if (row === undefined) return undefined;
    const record = this.#load(row);
    const request = await requestView(row, record, DISPLAY_LIMIT_BYTES);
    if (request === undefined) return undefined;
    return {
      summary: toSummary(row),
      request,
      response: await responseView(row, record, DISPLAY_LIMIT_BYTES),
      modified: await modifiedView(row, record, DISPLAY_LIMIT_BYTES),
    };
  }

  /** Hosts with stored messages, first seen first. */
  hosts(): string[] {
    const rows = this.#database
      .prepare('SELECT name FROM host WHERE requests > 0 OR responses > 0 ORDER BY id')
      .all();
    return rows.map((row) => String(row['name']));
  }

  /** Responses per host since `sinceMs`, most first. */
  activeHosts(sinceMs: number): ActiveHost[] {
    const firstWholeHour = Math.ceil(sinceMs / HOUR_MS);
    const hours = this.#database
      .prepare(
        'SELECT host_id, sum(responses) AS count, max(last_ms) AS last FROM host_hour WHERE hour >= ? GROUP BY host_id',
      )
      .all(firstWholeHour);
    // The hour that `sinceMs` cuts is counted row by row; rows are stored in time order.
    const cut = this.#database
      .prepare(
        `SELECT host_id, count(*) AS count, max(stored_ms) AS last FROM exchange
         WHERE seq >= ? AND seq < ? AND flags & ${HAS_RESPONSE} AND stored_ms >= ? AND stored_ms < ? GROUP BY host_id`,
      )
      .all(
        this.#firstSince(sinceMs),
        this.#firstSince(firstWholeHour * HOUR_MS),
        sinceMs,
        firstWholeHour * HOUR_MS,
      );
    const active = new Map<number, { count: number; lastActiveMs: number }>();
    for (const row of [...hours, ...cut]) {
      const entry = active.get(Number(row['host_id'])) ?? { count: 0, lastActiveMs: 0 };
      entry.count += Number(row['count']);
      entry.lastActiveMs = Math.max(entry.lastActiveMs, Number(row['last']));
      active.set(Number(row['host_id']), entry);
    }
    const names = this.#hostNames();
    return [...active]
      .map(([id, entry]) => ({ hostname: names.get(id) ?? '', ...entry }))
      .sort(
        (a, b) => b.count - a.count || b.lastActiveMs - a.lastActiveMs || compareText(a.hostname, b.hostname),
      );
  }

  #hostNames(): Map<number, string> {
    const rows = this.#database.prepare('SELECT id, name FROM host').all();
    return new Map(rows.map((row) => [Number(row['id']), String(row['name'])]));
  }

  /** The first sequence number stored at or after `ms`, by bisection. */
  #firstSince(ms: number): number {
    const at = this.#database.prepare(
      'SELECT seq, stored_ms FROM exchange WHERE seq >= ? ORDER BY seq LIMIT 1',
    );
    const bounds = this.#database.prepare('SELECT min(seq) AS low, max(seq) AS high FROM exchange').get();
    let low = Number(bounds?.['low'] ?? 0);
    let high = Number(bounds?.['high'] ?? 0) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = at.get(middle);
      if (row !== undefined && Number(row['stored_ms']) < ms) low = Number(row['seq']) + 1;
      else high = middle;
    }
    return low;
  }

  async page<K extends RecordKind>(kind: K, query: PageQuery): Promise<Page<RecordView<K>>> {
    const found =
      query.keyword === undefined || query.keyword === ''
        ? this.#pageRows(kind, query)
        : await this.#searchPage(kind, query);
    return { rows: await this.#views(kind, found.rows), total: found.total, partial: found.partial };
  }

  #pageRows(
    kind: RecordKind,
    query: PageQuery,
  ): { rows: readonly ExchangeRow[]; total: number; partial: boolean } {
    const flag = kind === 'request' ? HAS_REQUEST : HAS_RESPONSE;
    const host = query.host === undefined ? undefined : this.#host(query.host);
    if (query.host !== undefined && host === undefined) return { rows: [], total: 0, partial: false };
    const counts = host ?? readTotals(this.#database);
    const total = kind === 'request' ? counts.requests : counts.responses;
    const skip = (query.page - 1) * query.limit;
    const take = Math.min(query.limit, total - skip);
    if (take <= 0) return { rows: [], total, partial: false };
    const condition =
      host === undefined ? `WHERE e.flags & ${flag}` : `WHERE e.host_id = ${host.id} AND e.flags & ${flag}`;
    // A page near the end is cheaper to reach from the oldest row.
    const fromOldest = skip > total / 2;
    const order = `ORDER BY e.seq ${fromOldest ? 'ASC' : 'DESC'} LIMIT ? OFFSET ?`;
    const rows = selectRows(
      this.#database,
      `${condition} ${order}`,
      take,
      fromOldest ? total - skip - take : skip,
    );
    return { rows: fromOldest ? rows.reverse() : rows, total, partial: false };
  }

  async #searchPage(kind: RecordKind, query: PageQuery) {
    const flag = kind === 'request' ? HAS_REQUEST : HAS_RESPONSE;
    const host = query.host === undefined ? undefined : this.#host(query.host);
    if (query.host !== undefined && host === undefined) return { rows: [], total: 0, partial: false };
    const condition = host === undefined ? '' : `AND e.host_id = ${host.id}`;
    return await searchRecords(
      (beforeSeq, limit) =>
        selectRows(
          this.#database,
          `WHERE e.seq < ? AND e.flags & ${flag} ${condition} ORDER BY e.seq DESC LIMIT ?`,
          beforeSeq,
          limit,
        ),
      this.#segments,
      { kind, keyword: query.keyword ?? '', isRegex: query.isRegex },
      { skip: (query.page - 1) * query.limit, take: query.limit },
      this.#searchLimitMs,
    );
  }

  /** The next messages in storing order, oldest first, with the sequence number to go on after; for walking through everything. */
  async scan<K extends RecordKind>(
    kind: K,
    afterSequence: number,
    limit: number,
  ): Promise<{ readonly rows: readonly RecordView<K>[]; readonly lastSequence: number | undefined }> {
    const flag = kind === 'request' ? HAS_REQUEST : HAS_RESPONSE;
    const rows = selectRows(
      this.#database,
      `WHERE e.seq > ? AND e.flags & ${flag} ORDER BY e.seq LIMIT ?`,
      afterSequence,
      limit,
    );
    return { rows: await this.#views(kind, rows), lastSequence: rows.at(-1)?.seq };
  }

  async request(id: string): Promise<WithBody<RequestRecord> | undefined> {
    const row = this.#byKey(parseRecordId('req', id), HAS_REQUEST);
    return row === undefined ? undefined : await requestView(row, this.#load(row), DISPLAY_LIMIT_BYTES);
  }

  async response(id: string): Promise<WithBody<ResponseRecord> | undefined> {
    const row = this.#byKey(parseRecordId('res', id) ?? parseRecordId('req', id), HAS_RESPONSE);
    return row === undefined ? undefined : await responseView(row, this.#load(row), DISPLAY_LIMIT_BYTES);
  }

  async modifiedResponse(id: string): Promise<WithBody<ModifiedResponseRecord> | undefined> {
    const row = this.#byKey(parseRecordId('req', id) ?? parseRecordId('modres', id), HAS_MODIFIED);
    return row === undefined ? undefined : await modifiedView(row, this.#load(row), DISPLAY_LIMIT_BYTES);
  }

  /** Counts per host and method, from the counters alone. */
  stats(): InspectStats {
    const totals = readTotals(this.#database);
    const methods = new Map<number, Record<string, number>>();
    for (const row of this.#database
      .prepare('SELECT host_id, method, count FROM host_method ORDER BY count DESC, method')
      .all()) {
      const counts = methods.get(Number(row['host_id'])) ?? {};
      counts[String(row['method'])] = Number(row['count']);
      methods.set(Number(row['host_id']), counts);
    }
    const hosts: HostStats[] = this.#database
      .prepare(
        'SELECT id, name, requests, responses, modified FROM host WHERE requests > 0 OR responses > 0 OR modified > 0',
      )
      .all()
      .map((row) => ({
        hostname: String(row['name']),
        requestCount: Number(row['requests']),
        responseCount: Number(row['responses']),
        modifiedCount: Number(row['modified']),
        methods: methods.get(Number(row['id'])) ?? {},
      }));
    hosts.sort((a, b) => b.requestCount - a.requestCount || compareText(a.hostname, b.hostname));
    return {
      totalRequests: totals.requests,
      totalResponses: totals.responses,
      totalModifiedResponses: totals.modified,
      hosts,
    };
  }

  status(): StoreStatus {
    const pragma = (name: string): number =>
      Number(Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
    const segments = this.#database.prepare('SELECT id FROM segment').all();
    let segmentBytes = 0;
    for (const row of segments) {
      segmentBytes +=
        statSync(segmentPath(this.#directory, Number(row['id'])), { throwIfNoEntry: false })?.size ?? 0;
    }
    return {
      totals: readTotals(this.#database),
      pageCount: pragma('page_count'),
      freePages: pragma('freelist_count'),
      pageBytes: pragma('page_size'),
      schemaVersion: pragma('user_version'),
      segmentBytes,
    };
  }

  #host(
    name: string,
  ): { readonly id: number; readonly requests: number; readonly responses: number } | undefined {
    const row = this.#database.prepare('SELECT id, requests, responses FROM host WHERE name = ?').get(name);
    return row === undefined
      ? undefined
      : { id: Number(row['id']), requests: Number(row['requests']), responses: Number(row['responses']) };
  }

  #one(conditions: string, ...values: readonly (string | number)[]): ExchangeRow | undefined {
    return selectRows(this.#database, conditions, ...values)[0];
  }

  #byKey(key: number | undefined, flag: number): ExchangeRow | undefined {
    return key === undefined ? undefined : this.#one(`WHERE e.key = ? AND e.flags & ${flag}`, key);
  }

  #load(row: ExchangeRow): LoadedRecord {
    return loadRecord(this.#segments, row);
  }

  async #views<K extends RecordKind>(kind: K, rows: readonly ExchangeRow[]): Promise<RecordView<K>[]> {
    const views: (WithBody<RequestRecord> | WithBody<ResponseRecord>)[] = [];
    let budgetBytes = PAGE_LIMIT_BYTES;
    for (const row of rows) {
      const limitBytes = Math.max(LEAST_DISPLAY_BYTES, Math.min(DISPLAY_LIMIT_BYTES, budgetBytes));
      const record = this.#load(row);
      const view =
        kind === 'request'
          ? await requestView(row, record, limitBytes)
          : await responseView(row, record, limitBytes);
      if (view === undefined) continue;
      budgetBytes -= view.bodyText?.length ?? 0;
      views.push(view);
    }
    return views as unknown as RecordView<K>[]; // `kind` decided above which of the two they are
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
