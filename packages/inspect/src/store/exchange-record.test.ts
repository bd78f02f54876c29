import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import type { CapturedExchange, CapturedResponse } from '../exchange/exchange.ts';
import {
  encodeRecord,
  exchangeBodyBytes,
  readLayout,
  readModified,
  readRequest,
  readResponse,
  readSummary,
  recordBound,
} from './exchange-record.ts';
import { HAS_MODIFIED, HAS_REQUEST, HAS_RESPONSE, IS_HTTPS } from './schema.ts';
import { sampleExchange } from './store-fixture.ts';

const value = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, ' '));
const lines = fc.array(fc.tuple(fc.stringMatching(/^[A-Za-z-]{1,10}$/), value), { maxLength: 5 });
const body = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 3 }).map((chunks) => {
  const storedBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return { chunks, storedBytes, sizeBytes: storedBytes + 7, truncated: true };
});
const response = fc.record({
  status: fc.integer({ min: 100, max: 999 }),
  statusText: value,
  httpVersion: fc.constantFrom('1.0', '1.1'),
  headers: lines,
  trailers: lines,
  body,
});
const stamp = { sequence: 7, key: 1_700_000_000_000_123, storedMs: 1_700_000_000_000 };

function expectResponse(found: Record<string, unknown>, given: CapturedResponse): void {
  const { body: bytes, ...head } = found;
  assert.deepEqual(Buffer.from(bytes as Uint8Array), Buffer.concat(given.body.chunks));
  const { body: _, ...expected } = given;
  assert.deepEqual(head, {
    ...head,
    ...expected,
    bodyBytes: given.body.sizeBytes,
    bodyTruncated: given.body.truncated,
  });
}

function encode(exchange: CapturedExchange, withBodies = true): Buffer {
  const buffer = Buffer.alloc(recordBound(exchange) + (withBodies ? exchangeBodyBytes(exchange) : 0));
  return buffer.subarray(0, encodeRecord(buffer, 0, exchange, stamp, withBodies));
}

describe('exchange records', () => {
  it('bring back every member, within the announced bound', () => {
    fc.assert(
      fc.property(
        response,
        fc.option(response, { nil: undefined }),
        fc.option(response, { nil: undefined }),
        value,
        (message, answer, modified, text) => {
          const sample = sampleExchange({});
          const exchange: CapturedExchange = {
            ...sample,
            flowId: text,
            error: text,
            route: ['a', 'b'],
            request: {
              ...sample.request,
              headers: message.headers,
              trailers: message.trailers,
              body: message.body,
            },
            response: answer,
            modified,
            rule: modified === undefined ? undefined : { id: 'r', name: text, matchedRules: 3 },
          };
          const record = encode(exchange);
          const layout = readLayout(record, 0);
          assert.equal(layout.recordBytes, record.length);
          const summary = readSummary(record, 0, layout);
          assert.deepEqual(
            {
              sequence: summary.sequence,
              key: summary.key,
              storedMs: summary.storedMs,
              flowId: summary.flowId,
              url: summary.url,
            },
            { ...stamp, flowId: text, url: exchange.request.url },
          );
          const messages =
            HAS_REQUEST |
            (answer === undefined ? 0 : HAS_RESPONSE) |
            (modified === undefined ? 0 : HAS_MODIFIED);
          assert.equal(
            summary.flags & (HAS_REQUEST | HAS_RESPONSE | HAS_MODIFIED | IS_HTTPS),
            messages | IS_HTTPS,
          );
          const request = readRequest(record, 0, layout);
          assert.deepEqual(request.timing, exchange.timing);
          assert.deepEqual(request.route, ['a', 'b']);
          assert.deepEqual(request.headers, exchange.request.headers);
          if (answer !== undefined) expectResponse(readResponse(record, 0, layout), answer);
          if (modified !== undefined) expectResponse(readModified(record, 0, layout), modified);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('mark bodies truncated that were left out', () => {
    const record = encode(sampleExchange({ requestBody: 'abc', responseBody: '' }), false);
    const layout = readLayout(record, 0);
    assert.deepEqual(
      [readRequest(record, 0, layout).bodyTruncated, readRequest(record, 0, layout).bodyBytes],
      [true, 3],
    );
    assert.equal(readResponse(record, 0, layout).bodyTruncated, false);
  });

  it('throw only ProtocolError when damaged', () => {
    const record = encode(sampleExchange({ requestBody: 'abc', modifiedBody: 'm' }));
    fc.assert(
      fc.property(fc.nat(record.length - 1), fc.nat(255), fc.nat(record.length), (at, byte, end) => {
        const damaged = Buffer.from(record.subarray(0, end));
        if (at < damaged.length) damaged[at] = byte;
        try {
          const layout = readLayout(damaged, 0);
          readSummary(damaged, 0, layout);
          readRequest(damaged, 0, layout);
          readResponse(damaged, 0, layout);
          readModified(damaged, 0, layout);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
