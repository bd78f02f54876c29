import { isAscii, isUtf8 } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HeaderLines } from '../port.ts';
import { readBodyText } from '../store/body-text.ts';
import {
  type RecordMessage,
  readLayout,
  readRequestMessage,
  readResponse,
} from '../store/exchange-record.ts';
import type { ExchangeRow } from '../store/exchange-rows.ts';
import { headersJson, readableLines } from '../store/header-text.ts';
import { REQUEST_CODED, RESPONSE_CODED } from '../store/schema.ts';
import type { SegmentReader } from '../store/segment-files.ts';
import { compileMatcher, type TextMatcher } from './text-matcher.ts';

export type SearchQuery = {
  readonly kind: 'request' | 'response';
  readonly keyword: string;
  readonly isRegex: boolean;
};

/** `rows` are the page that was asked for; `total` counts the matches found; `partial` tells that the time was up first. */
export type SearchResult = {
  readonly rows: readonly ExchangeRow[];
  readonly total: number;
  readonly partial: boolean;
};

const GROUP_ROWS = 500;
const GROUP_BYTES = 8 * 1024 * 1024;
const MATCH_LENGTH = 4 * 1024 * 1024;
const DECODE_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * Searches rows newest first, group by group, for the fields of the control API: URL, method (requests) or status
 * (responses), headers as compact JSON, and body text. Other work of this thread runs between two groups.
 */
export async function searchRecords(
  nextGroup: (beforeSeq: number, limit: number) => readonly ExchangeRow[],
  segments: SegmentReader,
  query: SearchQuery,
  page: { readonly skip: number; readonly take: number },
  timeLimitMs: number,
): Promise<SearchResult> {
  const endMs = performance.now() + timeLimitMs;
  const matcher = compileMatcher(query.keyword, query.isRegex);
  const needle = query.isRegex ? '' : plainRun(query.keyword);
  const rows: ExchangeRow[] = [];
  let total = 0;
  let beforeSeq = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return { rows, total, partial: true };
    const group = nextGroup(beforeSeq, GROUP_ROWS);
    if (group.length === 0) return { rows, total, partial: false };
    const matched = await matchGroup(group, segments, query, needle, matcher, leftMs);
    if (matched === undefined) return { rows, total, partial: true };
    for (const [index, row] of group.entries()) {
      if (matched[index] !== true) continue;
      if (total >= page.skip && rows.length < page.take) rows.push(row);
      total++;
    }
    beforeSeq = group.at(-1)?.seq ?? 0;
    await nextTurn();
  }
}

async function matchGroup(
  group: readonly ExchangeRow[],
  segments: SegmentReader,
  query: SearchQuery,
  needle: string,
  matcher: TextMatcher,
  timeLimitMs: number,
): Promise<boolean[] | undefined> {
  const endMs = performance.now() + timeLimitMs;
  const records = new RecordGroup(group, segments, query.kind);
  const matched: boolean[] = [];
  let subjects: (readonly string[])[] = [];
  let waitingLength = 0;
  for (const [index, row] of group.entries()) {
    const subject = await subjectOf(row, records.at(index), query, needle);
    subjects.push(subject);
    for (const text of subject) waitingLength += text.length;
    // A few rows of large bodies must not be held in memory together.
    if (waitingLength < MATCH_LENGTH && index < group.length - 1) continue;
    const leftMs = endMs - performance.now();
    const part = leftMs <= 0 ? undefined : matcher.match(subjects, leftMs);
    if (part === undefined) return undefined;
    matched.push(...part);
    subjects = [];
    waitingLength = 0;
  }
  return matched;
}

async function subjectOf(
  row: ExchangeRow,
  message: RecordMessage | undefined,
  query: SearchQuery,
  needle: string,
): Promise<readonly string[]> {
  const texts = [row.url, query.kind === 'request' ? row.method : String(row.status)];
  if (message === undefined) return texts;
  const coded = (row.flags & (query.kind === 'request' ? REQUEST_CODED : RESPONSE_CODED)) !== 0;
  const headers = readableLines(message.headers);
  if (needle === '' || headersContain(headers, needle)) texts.push(headersJson(headers));
  if (coded || needle === '' || contains(message.body, needle)) {
    const { bodyText, bodyEncoding } = await readBodyText(
      message.headers,
      message.body,
      message.bodyTruncated,
      DECODE_LIMIT_BYTES,
    );
    if (bodyText !== null && bodyEncoding === 'utf8') texts.push(bodyText);
  }
  return texts;
}

/**
 * The longest part of a keyword that must appear as it is in a header name, in one header value or in the bytes of a
 * plain body when the keyword appears in the JSON of the headers or in the body's text; `''` when there is none. Whatever
 * JSON adds or changes, and what joins repeated headers, is cut out.
 */
export function plainRun(keyword: string): string {
  let longest = '';
  for (const run of keyword.split(/[\s":,{}\\\p{Cc}\p{Cs}]+/u))
    if (run.length > longest.length) longest = run;
  // `\n` and `\u001f` in JSON are letters and digits too, so a run next to a backslash proves nothing.
  return keyword.includes('\\') ? '' : longest;
}

function headersContain(headers: HeaderLines, needle: string): boolean {
  return headers.some(([name, value]) => value.includes(needle) || name.toLowerCase().includes(needle));
}

function contains(body: Uint8Array, needle: string): boolean {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  // Text that is not UTF-8 though its type says nothing else is shown as Latin-1.
  return buffer.includes(needle) || (!isAscii(Buffer.from(needle)) && !isUtf8(buffer));
}

function readSearched(buffer: Buffer, offset: number, kind: SearchQuery['kind']): RecordMessage {
  const layout = readLayout(buffer, offset);
  return kind === 'request'
    ? readRequestMessage(buffer, offset, layout)
    : readResponse(buffer, offset, layout);
}

/** Reads the records of neighbouring rows with few large reads. */
class RecordGroup {
  readonly #group: readonly ExchangeRow[];
  readonly #segments: SegmentReader;
  readonly #kind: SearchQuery['kind'];
  #buffer: Buffer = Buffer.alloc(0);
  #segment = -1;
  #start = 0;

  constructor(group: readonly ExchangeRow[], segments: SegmentReader, kind: SearchQuery['kind']) {
    this.#group = group;
    this.#kind = kind;
    this.#segments = segments;
  }

  /** The searched message of row `index`, `undefined` when its file is gone or damaged. */
  at(index: number): RecordMessage | undefined {
    const row = this.#group[index];
    if (row === undefined) return undefined;
    try {
      if (!this.#holds(row)) this.#read(index, row);
      return readSearched(this.#buffer, row.offset - this.#start, this.#kind);
    } catch {
      return undefined; // deleted or damaged meanwhile: what the list table knows can still match
    }
  }

  #holds(row: ExchangeRow): boolean {
    const end = row.offset + row.recordBytes;
    return (
      row.segment === this.#segment && row.offset >= this.#start && end <= this.#start + this.#buffer.length
    );
  }

  // Rows come newest first, so the following rows lie before this one in the file.
  #read(index: number, row: ExchangeRow): void {
    const end = row.offset + row.recordBytes;
    let start = row.offset;
    let wanted = row.recordBytes;
    for (const next of this.#group.slice(index + 1)) {
      const span = end - next.offset;
      const isDense = span <= 2 * (wanted + next.recordBytes);
      if (next.segment !== row.segment || next.offset >= start || span > GROUP_BYTES || !isDense) break;
      start = next.offset;
      wanted += next.recordBytes;
    }
    this.#buffer = Buffer.allocUnsafe(end - start);
    this.#segment = row.segment;
    this.#start = start;
    this.#segments.read(row.segment, start, this.#buffer);
  }
}
