import { ProtocolError } from '@sluice/base/errors';
import type { CapturedBody, CapturedExchange, CapturedResponse } from '../exchange/exchange.ts';
import type { ExchangeTiming, HeaderLines } from '../port.ts';
import { needsDecoding } from './body-kind.ts';
import { headerValue } from './header-text.ts';
import {
  HAS_MODIFIED,
  HAS_REQUEST,
  HAS_RESPONSE,
  IS_HTTPS,
  REQUEST_CODED,
  RESPONSE_CODED,
} from './schema.ts';

/*
 * One exchange as bytes, in the batch that crosses to the writer thread and unchanged in a segment file:
 *
 *   u32 record length  u32 summary length  u32 request length  u32 response length  u32 modified length
 *   summary section    request section     response section    modified section
 *
 * Little endian. A text is a u32 length and UTF-8; header lines are one text `name LF value LF ...`; a body is f64 size on
 * the wire, u32 truncated, u32 kept length and the kept bytes. A message's body is the last thing in its section.
 */
const HEAD_BYTES = 20;
const FIXED_BYTES = 256;
const REQUEST_FIXED_BYTES = 44; // port and five times
const MAX_CONTENT_TYPE_LENGTH = 200;
const NOT_REACHED = Number.NaN;

/** What the store adds to an exchange: its place in the list, the number its record ids are made of, and when it was taken in. */
export type ExchangeStamp = { readonly sequence: number; readonly key: number; readonly storedMs: number };

/** The lengths of a record and its sections. */
export type RecordLayout = {
  readonly recordBytes: number;
  readonly summaryBytes: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly modifiedBytes: number;
};

/** The summary section: what the list table needs. */
export type RecordSummary = ExchangeStamp & {
  readonly id: string;
  readonly flowId: string;
  readonly clientIp: string;
  readonly flags: number;
  readonly status: number;
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly contentType: string;
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  readonly startedMs: number;
  readonly durationMs: number;
  readonly error: string;
  readonly ruleId: string;
};

/** One message read back; `body` is a view on the record. */
export type RecordMessage = {
  readonly httpVersion: string;
  readonly headers: HeaderLines;
  readonly trailers: HeaderLines;
  readonly body: Uint8Array;
  readonly bodyBytes: number;
  readonly bodyTruncated: boolean;
};

export type RecordRequest = RecordMessage & {
  readonly port: number;
  readonly route: readonly string[];
  readonly timing: ExchangeTiming;
};
export type RecordResponse = RecordMessage & { readonly status: number; readonly statusText: string };
export type RecordModified = RecordResponse & { readonly ruleName: string; readonly matchedRules: number };

const textBound = (text: string): number => 4 + text.length * 3; // one UTF-16 unit is at most three bytes of UTF-8

function linesBound(lines: HeaderLines): number {
  let bytes = 4;
  for (const [name, value] of lines) bytes += (name.length + value.length + 2) * 3;
  return bytes;
}

function chunkBytes(body: CapturedBody): number {
  let bytes = 0;
  for (const chunk of body.chunks) bytes += chunk.byteLength;
  return bytes;
}

function responseBound(response: CapturedResponse | undefined): number {
  if (response === undefined) return 0;
  return (
    textBound(response.statusText) +
    textBound(response.httpVersion) +
    linesBound(response.headers) +
    linesBound(response.trailers)
  );
}

/** An upper bound of the record of `exchange` without its bodies. */
export function recordBound(exchange: CapturedExchange): number {
  const { request, rule } = exchange;
  let bytes = HEAD_BYTES + FIXED_BYTES + MAX_CONTENT_TYPE_LENGTH * 3;
  bytes +=
    textBound(exchange.id) +
    textBound(exchange.flowId) +
    textBound(exchange.clientIp) +
    textBound(exchange.error);
  bytes +=
    textBound(request.url) +
    textBound(request.method) +
    textBound(request.host) +
    textBound(request.httpVersion);
  bytes += linesBound(request.headers) + linesBound(request.trailers);
  bytes += responseBound(exchange.response) + responseBound(exchange.modified);
  for (const name of exchange.route) bytes += textBound(name);
  if (rule !== undefined) bytes += textBound(rule.id) + textBound(rule.name);
  return bytes;
}

/** The kept body bytes of an exchange. */
export function exchangeBodyBytes(exchange: CapturedExchange): number {
  let bytes = chunkBytes(exchange.request.body);
  if (exchange.response !== undefined) bytes += chunkBytes(exchange.response.body);
  if (exchange.modified !== undefined) bytes += chunkBytes(exchange.modified.body);
  return bytes;
}

class RecordWriter {
  readonly buffer: Buffer;
  offset: number;

  constructor(buffer: Buffer, offset: number) {
    this.buffer = buffer;
    this.offset = offset;
  }

  u32(value: number): void {
    this.offset = this.buffer.writeUInt32LE(value, this.offset);
  }

  f64(value: number): void {
    this.offset = this.buffer.writeDoubleLE(value, this.offset);
  }

  text(text: string): void {
    const written = this.buffer.write(text, this.offset + 4);
    this.buffer.writeUInt32LE(written, this.offset);
    this.offset += 4 + written;
  }

  lines(lines: HeaderLines): void {
    let text = '';
    for (const [name, value] of lines) text += `${name}\n${value}\n`;
    this.text(text);
  }

  message(message: Omit<CapturedResponse, 'status' | 'statusText'>, withBody: boolean): void {
    this.text(message.httpVersion);
    this.lines(message.headers);
    this.lines(message.trailers);
    const { body } = message;
    this.f64(body.sizeBytes);
    this.u32(body.truncated || (!withBody && body.chunks.length > 0) ? 1 : 0);
    const start = this.offset + 4;
    let end = start;
    for (const chunk of withBody ? body.chunks : []) {
      this.buffer.set(chunk, end);
      end += chunk.byteLength;
    }
    this.u32(end - start);
    this.offset = end;
  }
}

function recordFlags({ request, response, modified }: CapturedExchange): number {
  let flags = HAS_REQUEST;
  if (request.scheme === 'https') flags |= IS_HTTPS;
  if (request.body.chunks.length > 0 && needsDecoding(request.headers)) flags |= REQUEST_CODED;
  if (modified !== undefined) flags |= HAS_MODIFIED;
  if (response === undefined) return flags;
  flags |= HAS_RESPONSE;
  return response.body.chunks.length > 0 && needsDecoding(response.headers) ? flags | RESPONSE_CODED : flags;
}

function writeSummary(writer: RecordWriter, exchange: CapturedExchange, stamp: ExchangeStamp): void {
  const { request, response, timing } = exchange;
  writer.f64(stamp.sequence);
  writer.f64(stamp.key);
  writer.f64(stamp.storedMs);
  writer.u32(recordFlags(exchange));
  writer.u32(response?.status ?? 0);
  writer.f64(request.body.sizeBytes);
  writer.f64(response?.body.sizeBytes ?? 0);
  writer.f64(timing.startedMs);
  writer.f64((timing.endedMs ?? timing.startedMs) - timing.startedMs);
  writer.text(exchange.id);
  writer.text(exchange.flowId);
  writer.text(exchange.clientIp);
  writer.text(request.method);
  writer.text(request.url);
  writer.text(request.host);
  writer.text(headerValue((response ?? request).headers, 'content-type').slice(0, MAX_CONTENT_TYPE_LENGTH));
  writer.text(exchange.error);
  writer.text(exchange.rule?.id ?? '');
}

function writeRequest(writer: RecordWriter, exchange: CapturedExchange, withBody: boolean): void {
  const { timing, route, request } = exchange;
  writer.u32(request.port);
  writer.f64(timing.startedMs);
  writer.f64(timing.requestEndMs ?? NOT_REACHED);
  writer.f64(timing.connectedMs ?? NOT_REACHED);
  writer.f64(timing.responseStartMs ?? NOT_REACHED);
  writer.f64(timing.endedMs ?? NOT_REACHED);
  writer.text(route.join('\n'));
  writer.message(request, withBody);
}

function writeResponse(writer: RecordWriter, response: CapturedResponse, withBody: boolean): void {
  writer.u32(response.status);
  writer.text(response.statusText);
  writer.message(response, withBody);
}

/**
 * Writes the record of `exchange` at `offset` and returns its end; the buffer has room for `recordBound` and the bodies.
 * Without bodies those that had kept bytes are marked truncated.
 */
export function encodeRecord(
  buffer: Buffer,
  offset: number,
  exchange: CapturedExchange,
  stamp: ExchangeStamp,
  withBodies: boolean,
): number {
  const writer = new RecordWriter(buffer, offset + HEAD_BYTES);
  const ends: number[] = [];
  writeSummary(writer, exchange, stamp);
  ends.push(writer.offset);
  writeRequest(writer, exchange, withBodies);
  ends.push(writer.offset);
  if (exchange.response !== undefined) writeResponse(writer, exchange.response, withBodies);
  ends.push(writer.offset);
  if (exchange.modified !== undefined) {
    writer.text(exchange.rule?.name ?? '');
    writer.u32(exchange.rule?.matchedRules ?? 0);
    writeResponse(writer, exchange.modified, withBodies);
  }
  ends.push(writer.offset);
  buffer.writeUInt32LE(writer.offset - offset, offset);
  let start = offset + HEAD_BYTES;
  for (const [index, end] of ends.entries()) {
    buffer.writeUInt32LE(end - start, offset + 4 + index * 4);
    start = end;
  }
  return writer.offset;
}

/** Reads fields of one section; a field that leaves the section is a `ProtocolError('truncated')`. */
class SectionReader {
  readonly #buffer: Buffer;
  readonly #end: number;
  #offset: number;

  constructor(buffer: Buffer, offset: number, bytes: number) {
    this.#buffer = buffer;
    this.#offset = offset;
    this.#end = offset + bytes;
    if (this.#end > buffer.length) throw new ProtocolError('truncated', offset);
  }

  #take(count: number): number {
    const at = this.#offset;
    if (at + count > this.#end) throw new ProtocolError('truncated', at);
    this.#offset = at + count;
    return at;
  }

  skip(count: number): void {
    this.#take(count);
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  f64(): number {
    return this.#buffer.readDoubleLE(this.#take(8));
  }

  text(): string {
    const length = this.u32();
    const at = this.#take(length);
    return this.#buffer.toString('utf8', at, at + length);
  }

  lines(): HeaderLines {
    const parts = this.text().split('\n');
    const lines: (readonly [string, string])[] = [];
    for (let index = 0; index + 1 < parts.length; index += 2)
      lines.push([parts[index] ?? '', parts[index + 1] ?? '']);
    return lines;
  }

  message(): RecordMessage {
    const httpVersion = this.text();
    const headers = this.lines();
    const trailers = this.lines();
    const bodyBytes = this.f64();
    const bodyTruncated = this.u32() === 1;
    const length = this.u32();
    const at = this.#take(length);
    return {
      httpVersion,
      headers,
      trailers,
      body: this.#buffer.subarray(at, at + length),
      bodyBytes,
      bodyTruncated,
    };
  }
}

/** The lengths at the start of the record at `offset`. */
export function readLayout(buffer: Buffer, offset: number): RecordLayout {
  const head = new SectionReader(buffer, offset, HEAD_BYTES);
  const layout = {
    recordBytes: head.u32(),
    summaryBytes: head.u32(),
    requestBytes: head.u32(),
    responseBytes: head.u32(),
    modifiedBytes: head.u32(),
  };
  const sum =
    HEAD_BYTES + layout.summaryBytes + layout.requestBytes + layout.responseBytes + layout.modifiedBytes;
  if (sum !== layout.recordBytes) throw new ProtocolError('record-lengths', offset);
  return layout;
}

export function readSummary(buffer: Buffer, offset: number, layout: RecordLayout): RecordSummary {
  const section = new SectionReader(buffer, offset + HEAD_BYTES, layout.summaryBytes);
  return {
    sequence: section.f64(),
    key: section.f64(),
    storedMs: section.f64(),
    flags: section.u32(),
    status: section.u32(),
    requestBodyBytes: section.f64(),
    responseBodyBytes: section.f64(),
    startedMs: section.f64(),
    durationMs: section.f64(),
    id: section.text(),
    flowId: section.text(),
    clientIp: section.text(),
    method: section.text(),
    url: section.text(),
    host: section.text(),
    contentType: section.text(),
    error: section.text(),
    ruleId: section.text(),
  };
}

/** Where the response section starts, counted from the record's start. */
export function responseOffset(layout: RecordLayout): number {
  return HEAD_BYTES + layout.summaryBytes + layout.requestBytes;
}

/** The request's headers and body alone, for a search. */
export function readRequestMessage(buffer: Buffer, offset: number, layout: RecordLayout): RecordMessage {
  const section = new SectionReader(buffer, offset + HEAD_BYTES + layout.summaryBytes, layout.requestBytes);
  section.skip(REQUEST_FIXED_BYTES);
  section.skip(section.u32());
  return section.message();
}

export function readRequest(buffer: Buffer, offset: number, layout: RecordLayout): RecordRequest {
  const section = new SectionReader(buffer, offset + HEAD_BYTES + layout.summaryBytes, layout.requestBytes);
  const port = section.u32();
  const startedMs = section.f64();
  const phases = {
    requestEndMs: section.f64(),
    connectedMs: section.f64(),
    responseStartMs: section.f64(),
    endedMs: section.f64(),
  };
  const timing = Object.assign(
    { startedMs },
    Object.fromEntries(Object.entries(phases).filter(([, ms]) => !Number.isNaN(ms))),
  );
  const route = section.text();
  return { port, timing, route: route === '' ? [] : route.split('\n'), ...section.message() };
}

export function readResponse(buffer: Buffer, offset: number, layout: RecordLayout): RecordResponse {
  const section = new SectionReader(buffer, offset + responseOffset(layout), layout.responseBytes);
  return { status: section.u32(), statusText: section.text(), ...section.message() };
}

export function readModified(buffer: Buffer, offset: number, layout: RecordLayout): RecordModified {
  const section = new SectionReader(
    buffer,
    offset + responseOffset(layout) + layout.responseBytes,
    layout.modifiedBytes,
  );
  return {
    ruleName: section.text(),
    matchedRules: section.u32(),
    status: section.u32(),
    statusText: section.text(),
    ...section.message(),
  };
}
