import { GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { ParameterDoc, ReplyDoc } from '../openapi.ts';
import { parseDelayQuery } from './delay-query.ts';
import { json, message, TIMEOUT } from './wire.ts';

/** The query of every delay test. */
export const DELAY_QUERY: Readonly<Record<string, ParameterDoc>> = {
  url: { description: 'http or https URL to measure' },
  timeout: { description: 'Milliseconds', required: true, schema: { type: 'integer' } },
  expected: { description: 'Status set such as `200/204` or `200-299`' },
};

/** How a delay test of one outbound can end. */
export const DELAY_REPLIES: Readonly<Record<number, ReplyDoc>> = {
  200: { description: '`delay` in milliseconds' },
  400: { description: 'A bad timeout or status set' },
  503: { description: 'The test failed' },
  504: { description: 'The test took too long' },
};

const DELAY_FAILED = message(503, 'An error occurred in the delay test');

/** Runs one delay test and words its outcome. @throws BodyInvalidError for a bad query */
export async function answerDelay(
  query: URLSearchParams,
  measure: (url: string, timeoutMs: number, expectedStatus: string) => Promise<number>,
): Promise<HttpReply> {
  const { url, timeoutMs, expectedStatus } = parseDelayQuery(query, 16);
  if (timeoutMs <= 0) return TIMEOUT;
  try {
    const delay = await measure(url, timeoutMs, expectedStatus);
    return delay === 0 ? DELAY_FAILED : json({ delay });
  } catch (error) {
    return error instanceof GatewayError && error.kind === 'timeout' ? TIMEOUT : DELAY_FAILED;
  }
}
