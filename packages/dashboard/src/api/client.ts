import type { ErrorReply } from '@sluice/api/native/types';
import { createStore, readStored, writeStored } from '../lib/store.ts';

const SECRET_KEY = 'sluice.secret';

/** The API of the gateway that served this page, also behind a reverse proxy's path. */
const API = new URL('../api/v1', document.baseURI).href;

/** A failed request; `status` 0 when the gateway could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

/** Whether the gateway wants a secret: `missing` before one was given, `wrong` after one was refused. */
export const secretWanted = createStore<'no' | 'missing' | 'wrong'>('no');

let secret = readStored(SECRET_KEY) ?? '';

export function setSecret(value: string): void {
  secret = value;
  writeStored(SECRET_KEY, value);
  secretWanted.set('no');
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

function addressOf(path: string, query: Query = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  );
  const search = new URLSearchParams(given).toString();
  return `${API}${path}${search === '' ? '' : `?${search}`}`;
}

/** Address of a live stream; browsers cannot set headers on a WebSocket, so the secret travels in the query. */
export function streamAddressOf(path: string, query: Query = {}): string {
  return addressOf(path, { ...query, token: secret }).replace(/^http/, 'ws');
}

async function request(method: string, path: string, query?: Query, body?: unknown): Promise<Response> {
  const headers = new Headers();
  if (secret !== '') headers.set('authorization', `Bearer ${secret}`);
  if (body !== undefined) headers.set('content-type', 'application/json');
  let response: Response;
  try {
    response = await fetch(addressOf(path, query), {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new ApiError(0, 'api.unreachable', error instanceof Error ? error.message : String(error));
  }
  if (response.ok) return response;
  if (response.status === 401) secretWanted.set(headers.has('authorization') ? 'wrong' : 'missing');
  throw await failureOf(response);
}

async function failureOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { code, message } = JSON.parse(text) as ErrorReply;
    return new ApiError(response.status, code, message);
  } catch {
    // Something between the page and the gateway answered in its own words.
    return new ApiError(response.status, 'api.http', text.slice(0, 200) || response.statusText);
  }
}

/** @throws ApiError */
export async function call<T>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  options: { readonly query?: Query; readonly body?: unknown } = {},
): Promise<T> {
  const response = await request(method, path, options.query, options.body);
  return (await response.json()) as T;
}

/** Fetches a file with the secret and hands it to the browser's downloads. @throws ApiError */
export async function downloadFile(path: string, query: Query, fileName: string): Promise<void> {
  const response = await request('GET', path, query);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
