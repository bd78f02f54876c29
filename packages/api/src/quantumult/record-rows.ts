import { GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { DeletionResult, InspectControl, Page, WithBody } from '@sluice/inspect/port';
import type { ParameterDoc } from '../openapi.ts';
import { canonicalHost, pageBody, parsePageQuery } from './page-query.ts';
import { modifiedResponseBody, requestBody, responseBody } from './records.ts';
import { streamArray } from './stream-array.ts';
import type { AdminRequest, AdminRow } from './table.ts';
import { TEXTS } from './texts.ts';
import { failure, json, refusal } from './wire.ts';

const MAX_BATCH = 10_000;

const PAGE_QUERY: Readonly<Record<string, ParameterDoc>> = {
  page: { description: 'From 1', schema: { type: 'integer' } },
  limit: { description: 'Rows per page, 20 by default, at most 1000', schema: { type: 'integer' } },
  host: { description: 'Exact host name' },
  keyword: { description: 'Text to look for' },
  isRegex: { description: '`true` when the keyword is a regular expression' },
};

const PAGE = { 200: { description: '`data` and `pagination`' } };
const DELETED = { 200: { description: '`success` and `message`' } };
const MISSING = { 404: { description: 'No such record' } };
const BATCH_SCHEMA = { type: 'object', properties: { ids: { type: 'array', items: { type: 'string' } } } };

/** Stored requests, responses and modified responses: lists, pages, single records and deletions. */
export function recordRows(inspect: InspectControl): readonly AdminRow[] {
  return [...requestRows(inspect), ...responseRows(inspect)];
}

function requestRows(inspect: InspectControl): readonly AdminRow[] {
  const batch = (request: AdminRequest) =>
    deleteBatch(request, TEXTS.requestIdsMissing, TEXTS.batchDeletedRequests, (id) =>
      inspect.deleteRequest(id),
    );
  return [
    {
      method: 'GET',
      path: '/admin/requests',
      summary: 'All requests, oldest first',
      replies: { 200: { description: 'An array of requests' } },
      stream: (_request, reply) => streamArray(reply, inspect.allRequests(), requestBody),
    },
    {
      method: 'GET',
      path: '/admin/requests-paginated',
      summary: 'Requests, newest first',
      query: PAGE_QUERY,
      replies: PAGE,
      answer: ({ query }) => page(query, (paging) => inspect.requests(paging), requestBody),
    },
    {
      method: 'GET',
      path: '/admin/requests/:id',
      summary: 'One request',
      replies: { 200: { description: 'The request' }, ...MISSING },
      answer: async ({ params }) => {
        const record = await inspect.request(params.id ?? '');
        return record === undefined ? failure(404, TEXTS.requestNotFound) : json(requestBody(record));
      },
    },
    {
      method: 'DELETE',
      path: '/admin/requests/batch',
      summary: 'Delete several requests with their responses',
      requestSchema: BATCH_SCHEMA,
      replies: DELETED,
      answer: batch,
    },
    {
      method: 'DELETE',
      path: '/admin/requests/:id',
      summary: 'Delete a request with its responses',
      replies: { ...DELETED, ...MISSING },
      answer: async ({ params }) => {
        const { count } = await inspect.deleteRequest(params.id ?? '');
        return count === 0 ? refusal(404, TEXTS.requestNotDeleted) : success(TEXTS.deletedRequests(count));
      },
    },
    {
      method: 'DELETE',
      path: '/admin/hosts/:hostname/requests',
      summary: 'Delete the requests of a host with their responses',
      replies: DELETED,
      answer: ({ params }) =>
        deleteHost(params, TEXTS.deletedHostRequests, (host) => inspect.deleteHostRequests(host)),
    },
  ];
}

function responseRows(inspect: InspectControl): readonly AdminRow[] {
  const batch = (request: AdminRequest) =>
    deleteBatch(request, TEXTS.responseIdsMissing, TEXTS.batchDeletedResponses, (id) =>
      inspect.deleteResponse(id),
    );
  return [
    {
      method: 'GET',
      path: '/admin/responses',
      summary: 'All responses, oldest first',
      replies: { 200: { description: 'An array of responses' } },
      stream: (_request, reply) => streamArray(reply, inspect.allResponses(), responseBody),
    },
    {
      method: 'GET',
      path: '/admin/responses-paginated',
      summary: 'Responses, newest first',
      query: PAGE_QUERY,
      replies: PAGE,
      answer: ({ query }) => page(query, (paging) => inspect.responses(paging), responseBody),
    },
    {
      method: 'GET',
      path: '/admin/responses/:id',
      summary: 'One response, by its own id or its request',
      replies: { 200: { description: 'The response' }, ...MISSING },
      answer: async ({ params }) => {
        const record = await inspect.response(params.id ?? '');
        return record === undefined ? failure(404, TEXTS.responseNotFound) : json(responseBody(record));
      },
    },
    {
      method: 'GET',
      path: '/admin/modified-responses/:requestId',
      summary: 'What the client received instead of the response',
      replies: { 200: { description: 'The modified response' }, ...MISSING },
      answer: async ({ params }) => {
        const record = await inspect.modifiedResponse(params.requestId ?? '');
        return record === undefined
          ? failure(404, TEXTS.modifiedResponseNotFound)
          : json(modifiedResponseBody(record));
      },
    },
    {
      method: 'DELETE',
      path: '/admin/responses/batch',
      summary: 'Delete several responses',
      requestSchema: BATCH_SCHEMA,
      replies: DELETED,
      answer: batch,
    },
    {
      method: 'POST',
      path: '/admin/responses/batch-delete',
      summary: 'Delete several responses, for clients whose DELETE carries no body',
      requestSchema: BATCH_SCHEMA,
      replies: DELETED,
      answer: batch,
    },
    {
      method: 'DELETE',
      path: '/admin/responses/:id',
      summary: 'Delete a response',
      replies: { ...DELETED, ...MISSING },
      answer: async ({ params }) => {
        const { count } = await inspect.deleteResponse(params.id ?? '');
        return count === 0 ? refusal(404, TEXTS.responseNotDeleted) : success(TEXTS.deletedResponses(count));
      },
    },
    {
      method: 'DELETE',
      path: '/admin/hosts/:hostname/responses',
      summary: 'Delete the responses of a host',
      replies: DELETED,
      answer: ({ params }) =>
        deleteHost(params, TEXTS.deletedHostResponses, (host) => inspect.deleteHostResponses(host)),
    },
  ];
}

function success(text: string): HttpReply {
  return json({ success: true, message: text });
}

async function page<R>(
  query: URLSearchParams,
  find: (paging: ReturnType<typeof parsePageQuery>) => Promise<Page<WithBody<R>>>,
  encode: (record: WithBody<R>) => object,
): Promise<HttpReply> {
  const paging = parsePageQuery(query);
  const found = await find(paging);
  return json(pageBody({ ...found, rows: found.rows.map(encode) }, paging));
}

async function deleteHost(
  params: Readonly<Record<string, string>>,
  word: (host: string, count: number) => string,
  remove: (host: string) => Promise<DeletionResult>,
): Promise<HttpReply> {
  const given = params.hostname ?? '';
  const { count, ids } = await orDeleteFailed(remove(canonicalHost(given)));
  return json({ success: true, message: word(given, count), affectedIds: ids });
}

async function deleteBatch(
  { body }: AdminRequest,
  missing: string,
  word: (count: number) => string,
  remove: (id: string) => Promise<DeletionResult>,
): Promise<HttpReply> {
  const { ids } = body;
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > MAX_BATCH) return refusal(400, missing);
  const details: { id: string; success: boolean; deletedCount: number }[] = [];
  let total = 0;
  for (const id of ids.map(String)) {
    const { count } = await orDeleteFailed(remove(id));
    details.push({ id, success: count > 0, deletedCount: count });
    total += count;
  }
  return json({ success: true, message: word(total), details });
}

/** A deletion that the store could not carry out; answered with 500 and the product's text. */
export class DeleteFailedError extends Error {}

async function orDeleteFailed(deletion: Promise<DeletionResult>): Promise<DeletionResult> {
  try {
    return await deletion;
  } catch (error) {
    const isStorageFailure =
      !(error instanceof GatewayError) || error.kind === 'internal' || error.kind === 'unavailable';
    if (!isStorageFailure) throw error;
    throw new DeleteFailedError('deletion failed', { cause: error });
  }
}
