import type { HttpReply } from '@sluice/core/http/dialect';
import { queryOf } from '@sluice/core/http/query';
import { sendReply } from '@sluice/core/http/reply';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { JsonSchema, ParameterDoc, ReplyDoc } from '../openapi.ts';
import { NOT_FOUND } from './wire.ts';

/** A request as a row sees it: what the path, the query and the body said. */
export type ClashRequest = {
  /** Path parameters, percent-decoded once. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Buffer | undefined;
};

/** Where a row stands in the reference's tree: `leaf` checks the method before the secret, `mounted` after it. */
export type ClashArea = 'leaf' | 'mounted' | 'public';

/** One row of the dialect's table. */
export type ClashRow = {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly area: ClashArea;
  /** Collection and item roots also answer with one trailing slash. */
  readonly trailingSlash?: boolean;
  /** Whether the item named by the path exists; a missing one is 404 whatever the method. */
  readonly exists?: (params: Readonly<Record<string, string>>) => boolean;
  readonly summary: string;
  readonly query?: Readonly<Record<string, ParameterDoc>>;
  readonly requestSchema?: JsonSchema;
  readonly replies: Readonly<Record<number, ReplyDoc>>;
} & (
  | { readonly answer: (request: ClashRequest) => HttpReply | Promise<HttpReply> }
  | { readonly stream: StreamAnswer }
);

/** Answers by itself, at once or over time. */
export type StreamAnswer = (request: FastifyRequest, reply: FastifyReply, query: URLSearchParams) => void;

/** What the hooks need to know of the route that was chosen. */
export type ClashRouteConfig = { readonly area: ClashArea; readonly wrongMethod: boolean };

const ROUTED_METHODS: readonly HTTPMethods[] = [
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
    method: row.method,
    url,
    config,
    handler: async (request, reply) => {
      const params = request.params as Record<string, string>;
      if (row.exists?.(params) === false) return sendReply(reply, NOT_FOUND);
      const query = queryOf(request.raw);
      if ('stream' in row) {
        row.stream(request, reply, query);
        return reply;
      }
      const body = request.body as Buffer | undefined;
      return sendReply(reply, await row.answer({ params, query, body }));
    },
  });
}

function registerWrongMethods(app: FastifyInstance, url: string, siblings: readonly ClashRow[]): void {
  const allowed = siblings.map((row) => row.method);
  const first = siblings[0];
  if (first === undefined) return;
  const config: ClashRouteConfig = { area: first.area, wrongMethod: true };
  app.route({
    method: ROUTED_METHODS.filter((method) => !(allowed as readonly string[]).includes(method)),
    url,
    config,
    handler: (request, reply) => {
      if (first.exists?.(request.params as Record<string, string>) === false)
        return sendReply(reply, NOT_FOUND);
      return reply.code(405).header('allow', allowed).send();
    },
  });
}
