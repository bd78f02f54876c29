import type { HttpReply } from '@sluice/core/http/dialect';
import { TEXTS } from './texts.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

export function json(value: unknown, status = 200): HttpReply {
  return { status, contentType: JSON_TYPE, body: JSON.stringify(value) };
}

/** The error shape of most routes. */
export function failure(status: number, text: string): HttpReply {
  return json({ error: text }, status);
}

/** The error shape of routes whose success says `success` and `message`. */
export function refusal(status: number, text: string): HttpReply {
  return json({ success: false, message: text, error: text }, status);
}

/** The shape of failures that the product's framework reports. */
export function serverError(status: number, text: string): HttpReply {
  return json({ error: TEXTS.serverError, message: text }, status);
}

/** ISO 8601 in UTC with milliseconds. */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
