import { formatEndpoint, unmapIp } from '@sluice/base/address';
import type { HttpReply } from '@sluice/core/http/dialect';
import { queryOf } from '@sluice/core/http/query';
import { sendReply } from '@sluice/core/http/reply';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { JsonSchema, ParameterDoc, ReplyDoc } from '../openapi.ts';
import { NOT_FOUND, PAGE_NOT_FOUND } from './wire.ts';

/** A request as a row sees it. */
export type ClashRequest = {
  readonly method: string;
  readonly params: PathParams;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer | undefined;
  /** `ip:port` of the client, `''` on a Unix socket. */
  readonly client: string;
  /** Fires when the client leaves before it has its answer. */
  readonly aborted: () => AbortSignal;
};

/** Path parameters, percent-decoded once. */
export type PathParams = Readonly<Record<string, string>>;

/** An answer, and what happens when it has left (or the client has, without waiting for it). */
export type ClashAnswer = HttpReply & { readonly afterwards?: () => void };

/** Where a row stands in the reference's tree: `leaf` checks the method before the secret, `mounted` after it. */
export type ClashArea = 'leaf' | 'mounted' | 'public';

/** One row of the dialect's table. */
export type ClashRow = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly area: ClashArea;
  /** Collection and item roots also answer with one trailing slash. */
  readonly trailingSlash?: boolean;
  /** Answers every method, whatever `method` documents. */
  readonly anyMethod?: boolean;
  /** Whether the item named by the path exists: a missing one is 404 for wrong methods too. */
  readonly exists?: (params: PathParams) => boolean;
  readonly summary: string;
  readonly query?: Readonly<Record<string, ParameterDoc>>;
  readonly requestSchema?: JsonSchema;
  readonly replies: Readonly<Record<number, ReplyDoc>>;
} & ({ readonly answer: RowAnswer } | { readonly stream: StreamAnswer });

export type RowAnswer = (request: ClashRequest) => ClashAnswer | Promise<ClashAnswer>;

/** Answers by itself, at once or over time. */
export type StreamAnswer = (request: FastifyRequest, reply: FastifyReply, query: URLSearchParams) => void;

/** What the hooks need to know of the route that was chosen. */
export type ClashRouteConfig = { readonly area: ClashArea; readonly wrongMethod: boolean };

export const ROUTED_METHODS: readonly HTTPMethods[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
];

/** Registers every row, and 405 with one `Allow` line per method for the other methods of its path. */
export function registerRows(app: FastifyInstance, rows: readonly ClashRow[]): void {
  const byPath = Map.groupBy(rows, (row) => row.path);
  for (const [path, siblings] of byPath) {
    const urls = siblings[0]?.trailingSlash === true ? [path, `${path}/`] : [path];
    for (const url of urls) {
      for (const row of siblings) registerRow(app, url, row);
      registerWrongMethods(app, url, siblings);
    }
  }
}

function registerRow(app: FastifyInstance, url: string, row: ClashRow): void {
  const config: ClashRouteConfig = { area: row.area, wrongMethod: false };
  app.route({
    method: row.anyMethod === true ? [...ROUTED_METHODS] : row.method,
    url,
    config,
    handler: async (request, reply) => {
      if (hasEmptyName(request)) return sendReply(reply, PAGE_NOT_FOUND);
      if ('stream' in row) {
        row.stream(request, reply, queryOf(request.raw));
        return reply;
      }
      const answer = await row.answer(requestOf(request, reply));
      if (answer.afterwards !== undefined) reply.raw.once('close', answer.afterwards);
      return sendReply(reply, answer);
    },
  });
}

/** The router takes an empty segment for a name; the reference does not. */
function hasEmptyName(request: FastifyRequest): boolean {
  return Object.entries(request.params as PathParams).some(([name, value]) => name !== '*' && value === '');
}

function requestOf(request: FastifyRequest, reply: FastifyReply): ClashRequest {
  const { remoteAddress, remotePort } = request.raw.socket;
  return {
    method: request.method,
    params: request.params as PathParams,
    query: queryOf(request.raw),
    headers: request.headers,
    body: request.body as Buffer | undefined,
    client: remoteAddress === undefined ? '' : formatEndpoint(unmapIp(remoteAddress), remotePort ?? 0),
    aborted: () => {
      const controller = new AbortController();
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) controller.abort();
      });
      return controller.signal;
    },
  };
}

function registerWrongMethods(app: FastifyInstance, url: string, siblings: readonly ClashRow[]): void {
  const allowed = siblings.map((row) => row.method);
  const first = siblings[0];
  if (first === undefined || siblings.some((row) => row.anyMethod === true)) return;
  const config: ClashRouteConfig = { area: first.area, wrongMethod: true };
  app.route({
    method: ROUTED_METHODS.filter((method) => !(allowed as readonly string[]).includes(method)),
    url,
    config,
    handler: (request, reply) => {
      if (hasEmptyName(request)) return sendReply(reply, PAGE_NOT_FOUND);
      if (first.exists?.(request.params as PathParams) === false) return sendReply(reply, NOT_FOUND);
      return reply.code(405).header('allow', allowed).send();
    },
  });
}
