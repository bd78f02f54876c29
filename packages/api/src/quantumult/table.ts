import type { HttpReply } from '@sluice/core/http/dialect';
import { queryOf } from '@sluice/core/http/query';
import { sendReply } from '@sluice/core/http/reply';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { JsonSchema, ParameterDoc, ReplyDoc } from '../openapi.ts';
import { parseBody } from './body.ts';

/** A request as a row sees it. */
export type AdminRequest = {
  /** Path parameters, percent-decoded once. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Members of the JSON body; empty when there was none. */
  readonly body: Readonly<Record<string, unknown>>;
};

/** One row of the dialect's table. */
export type AdminRow = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, ParameterDoc>>;
  readonly requestSchema?: JsonSchema;
  readonly replies: Readonly<Record<number, ReplyDoc>>;
} & (
  | { readonly answer: (request: AdminRequest) => HttpReply | Promise<HttpReply> }
  | { readonly stream: (request: FastifyRequest, reply: FastifyReply) => FastifyReply }
);

/** Registers every row; `GET` rows answer `HEAD` as well, unknown methods are left to the 404. */
export function registerRows(app: FastifyInstance, rows: readonly AdminRow[]): void {
  for (const row of rows) {
    app.route({
      method: row.method === 'GET' ? ['GET', 'HEAD'] : row.method,
      url: row.path,
      handler: async (request, reply) => {
        if ('stream' in row) return row.stream(request, reply);
        const params = request.params as Record<string, string>;
        const body = parseBody(request.body as Buffer | undefined, request.headers['content-type']);
        return sendReply(reply, await row.answer({ params, query: queryOf(request.raw), body }));
      },
    });
  }
}
