import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type {
  ExchangeSummary,
  ModifiedResponseRecord,
  RequestRecord,
  ResponseRecord,
  WithBody,
} from '../port.ts';
import { readBodyText } from './body-text.ts';
import {
  type RecordLayout,
  type RecordMessage,
  type RecordModified,
  type RecordRequest,
  type RecordResponse,
  readLayout,
  readModified,
  readRequest,
  readResponse,
} from './exchange-record.ts';
import { readableLines } from './header-text.ts';
import { formatRecordId } from './record-id.ts';
import { HAS_MODIFIED, HAS_REQUEST, HAS_RESPONSE, IS_HTTPS } from './schema.ts';
import type { SegmentReader } from './segment-files.ts';

/** A row of the list table with its host's name. */
export type ExchangeRow = {
  readonly seq: number;
  readonly flags: number;
  readonly status: number;
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly storedMs: number;
  readonly startedMs: number;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly recordBytes: number;
  readonly segment: number;
  readonly offset: number;
  readonly contentType: string;
  readonly clientIp: string;
  readonly error: string;
  readonly ruleId: string;
  readonly flowId: string;
  readonly key: number;
  readonly id: string;
};

/** Selects what `ExchangeRow` needs; conditions on `e` follow. */
export const SELECT_ROWS = `
  SELECT e.seq, e.flags, e.status, e.method, e.url, h.name, e.stored_ms, e.started_ms, e.duration_ms, e.request_bytes,
    e.response_bytes, 20 + e.request_cost + e.response_cost + e.modified_cost, e.segment, e.offset, e.content_type, e.client_ip,
    e.error, e.rule_id, e.flow_id, e.key, e.id
  FROM exchange e JOIN host h ON h.id = e.host_id`;

/** Runs a query that starts with `SELECT_ROWS`. */
export function selectRows(
  database: DatabaseSync,
  conditions: string,
  ...values: readonly (string | number)[]
): ExchangeRow[] {
  const statement = database.prepare(`${SELECT_ROWS} ${conditions}`);
  statement.setReturnArrays(true);
  return (statement.all(...values) as unknown as SQLOutputValue[][]).map(toRow);
}

function toRow(columns: readonly SQLOutputValue[]): ExchangeRow {
  const number = (index: number): number => Number(columns[index]);
  const text = (index: number): string => String(columns[index]);
  return {
    seq: number(0),
    flags: number(1),
    status: number(2),
    method: text(3),
    url: text(4),
    host: text(5),
    storedMs: number(6),
    startedMs: number(7),
    durationMs: number(8),
    requestBytes: number(9),
    responseBytes: number(10),
    recordBytes: number(11),
    segment: number(12),
    offset: number(13),
    contentType: text(14),
    clientIp: text(15),
    error: text(16),
    ruleId: text(17),
    flowId: text(18),
    key: number(19),
    id: text(20),
  };
}

export function toSummary(row: ExchangeRow): ExchangeSummary {
  return {
    id: row.id,
    sequence: row.seq,
    method: row.method,
    url: row.url,
    host: row.host,
    scheme: (row.flags & IS_HTTPS) === 0 ? 'http' : 'https',
    status: (row.flags & HAS_RESPONSE) === 0 ? 0 : row.status,
    contentType: row.contentType,
    requestBytes: row.requestBytes,
    responseBytes: (row.flags & HAS_RESPONSE) === 0 ? 0 : row.responseBytes,
    durationMs: row.durationMs,
    startedMs: row.startedMs,
    clientIp: row.clientIp,
    error: row.error,
    ruleId: row.ruleId,
    flowId: row.flowId,
  };
}

/** The messages of a row; a message that was deleted is absent. */
export type LoadedRecord = {
  readonly request: RecordRequest | undefined;
  readonly response: RecordResponse | undefined;
  readonly modified: RecordModified | undefined;
};

/** Reads a row's record from its segment file. */
export function loadRecord(segments: SegmentReader, row: ExchangeRow): LoadedRecord {
  const buffer = Buffer.allocUnsafe(row.recordBytes);
  segments.read(row.segment, row.offset, buffer);
  const layout: RecordLayout = readLayout(buffer, 0);
  return {
    request: (row.flags & HAS_REQUEST) === 0 ? undefined : readRequest(buffer, 0, layout),
    response: (row.flags & HAS_RESPONSE) === 0 ? undefined : readResponse(buffer, 0, layout),
    modified: (row.flags & HAS_MODIFIED) === 0 ? undefined : readModified(buffer, 0, layout),
  };
}

async function withBody(message: RecordMessage, limitBytes: number) {
  const { bodyText, bodyEncoding, cut } = await readBodyText(
    message.headers,
    message.body,
    message.bodyTruncated,
    limitBytes,
  );
  const body = { sizeBytes: message.bodyBytes, storedBytes: message.body.byteLength, truncated: cut };
  const { httpVersion } = message;
  const headers = readableLines(message.headers);
  const trailers = readableLines(message.trailers);
  return { httpVersion, headers, trailers, body, bodyText, bodyEncoding };
}

/** A request as the control API shows it. */
export async function requestView(
  row: ExchangeRow,
  record: LoadedRecord,
  limitBytes: number,
): Promise<WithBody<RequestRecord> | undefined> {
  const { request } = record;
  if (request === undefined) return undefined;
  return {
    id: formatRecordId('req', row.key),
    exchangeId: row.id,
    url: row.url,
    method: row.method,
    host: row.host,
    port: request.port,
    scheme: (row.flags & IS_HTTPS) === 0 ? 'http' : 'https',
    captureType: 'mitm_request',
    storedMs: row.storedMs,
    clientIp: row.clientIp,
    route: request.route,
    timing: request.timing,
    ...(await withBody(request, limitBytes)),
  };
}

async function answerView(
  row: ExchangeRow,
  record: LoadedRecord,
  answer: RecordResponse,
  limitBytes: number,
) {
  return {
    requestId: formatRecordId('req', row.key),
    exchangeId: row.id,
    url: row.url,
    method: row.method,
    host: row.host,
    status: answer.status,
    statusText: answer.statusText,
    captureType: 'mitm_response',
    storedMs: row.storedMs,
    error: row.error,
    timing: record.request?.timing ?? { startedMs: row.startedMs },
    ...(await withBody(answer, limitBytes)),
  };
}

/** A response as the control API shows it. */
export async function responseView(
  row: ExchangeRow,
  record: LoadedRecord,
  limitBytes: number,
): Promise<WithBody<ResponseRecord> | undefined> {
  if (record.response === undefined) return undefined;
  return {
    id: formatRecordId('res', row.key),
    ...(await answerView(row, record, record.response, limitBytes)),
  };
}

/** A modified response as the control API shows it. */
export async function modifiedView(
  row: ExchangeRow,
  record: LoadedRecord,
  limitBytes: number,
): Promise<WithBody<ModifiedResponseRecord> | undefined> {
  const { modified } = record;
  if (modified === undefined) return undefined;
  return {
    id: formatRecordId('modres', row.key),
    ...(await answerView(row, record, modified, limitBytes)),
    ruleId: row.ruleId,
    ruleName: modified.ruleName,
    matchedRules: modified.matchedRules,
  };
}
