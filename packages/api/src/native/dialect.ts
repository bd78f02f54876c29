import type { IncomingMessage } from 'node:http';
import { type ErrorKind, errorText, GatewayError } from '@sluice/base/errors';
import type { HttpDialect, HttpFailure, HttpReply } from '@sluice/core/http/dialect';
import { openLineStream, openSocketStream, type TextStream } from '@sluice/core/http/json-stream';
import { hostNameOf } from '@sluice/core/http/request-guard';
import { bearerCredentials, secretMatches } from '@sluice/core/http/secret';
import { handshakeProblem } from '@sluice/core/http/upgrade';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { NativeApi } from './native-api.ts';
import { openApiOf } from './openapi.ts';
import type { Download, NativeRoute, NativeStream } from './table.ts';
import type { ErrorReply } from './types.ts';

const PREFIX = '/api/v1';
const BODY_LIMIT_BYTES = 16_777_216;
const JSON_TYPE = 'application/json; charset=utf-8';

const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  'not-found': 404,
  conflict: 409,
  unauthorized: 401,
  forbidden: 403,
  limit: 429,
  timeout: 504,
  unavailable: 503,
  internal: 500,
};

export type NativeDialectOptions = {
  readonly api: NativeApi;
  readonly version: string;
  /** Asked for on every request, as a bearer token or, by WebSocket clients, as `?token=`; `''` asks for none. */
  readonly secret: string;
};

/** The gateway's own API below `/api/v1`. */
export function createNativeDialect(options: NativeDialectOptions): HttpDialect {
  const { api, secret, version } = options;
  return {
    name: 'native',
    prefixes: [PREFIX],
    caseSensitive: true,
    ignoreTrailingSlash: false,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    bodies: 'json',
    browserPolicy: 'same-site',
    async register(app) {
      const { compileValidator } = await import('./validation.ts');
      app.setValidatorCompiler(compileValidator);
      app.addHook('onRequest', async (request, reply) => {
        reply.header('cache-control', 'no-store');
        if (!isAuthorized(request, secret)) {
          throw new GatewayError('unauthorized', 'api.unauthorized', 'the secret is missing or wrong');
        }
      });
      for (const row of api.routes) addRoute(app, row);
      for (const row of api.streams) addStream(app, row);
      const document = JSON.stringify(openApiOf(api, version, PREFIX));
      app.get(`${PREFIX}/openapi.json`, (_request, reply) => reply.type(JSON_TYPE).send(document));
    },
    fail,
  };
}

function isAuthorized(request: FastifyRequest, secret: string): boolean {
  if (secret === '') return true;
  const bearer = bearerCredentials(request.headers.authorization);
  if (bearer !== undefined) return secretMatches(bearer, secret);
  const token = (request.query as { token?: unknown }).token;
  const mayUseToken = request.headers.upgrade?.toLowerCase() === 'websocket';
  return mayUseToken && typeof token === 'string' && secretMatches(token, secret);
}

function addRoute(app: FastifyInstance, row: NativeRoute): void {
  app.route({
    method: row.method,
    url: PREFIX + row.path,
    schema: {
      params: row.params,
      querystring: row.query,
      ...(row.body === undefined ? {} : { body: row.body }),
      ...(row.reply === undefined ? {} : { response: { 200: row.reply } }),
    },
    async handler(request, reply) {
      const answer = await row.handle({
        params: request.params,
        query: request.query,
        body: request.body,
        hostname: hostnameOf(request.raw),
      });
      return row.reply === undefined ? sendDownload(reply, answer as Download) : reply.send(answer);
    },
  });
}

function sendDownload(reply: FastifyReply, { fileName, contentType, bytes }: Download): FastifyReply {
  return reply
    .header('content-disposition', `attachment; filename="${fileName}"`)
    .type(contentType)
    .send(bytes);
}

function addStream(app: FastifyInstance, row: NativeStream): void {
  app.route({
    method: 'GET',
    url: PREFIX + row.path,
    schema: { querystring: row.query },
    handler(request, reply) {
      if (request.headers.upgrade === undefined) {
        feed(row, request, openLineStream(request, reply, 'application/x-ndjson'), '\n');
        reply.raw.flushHeaders();
        return;
      }
      const problem = handshakeProblem(request.raw);
      if (problem !== undefined) {
        throw new GatewayError('invalid', 'api.bad-handshake', problem.phrase);
      }
      openSocketStream(request, reply, (stream) => feed(row, request, stream, ''));
    },
  });
}

function feed(row: NativeStream, request: FastifyRequest, stream: TextStream, terminator: string): void {
  const stop = row.open(
    request.query,
    (item) => stream.send(JSON.stringify(item) + terminator),
    hostnameOf(request.raw),
  );
  stream.onClose(stop);
}

function hostnameOf(request: IncomingMessage): string {
  return hostNameOf(request.headers.host ?? '') || '127.0.0.1';
}

function fail(failure: HttpFailure, request: IncomingMessage): HttpReply {
  switch (failure.kind) {
    case 'not-found':
      return errorReply(404, 'api.not-found', `there is no ${request.method} ${pathOf(request)}`);
    case 'bad-url':
      return errorReply(400, 'api.bad-url', 'the path holds a malformed or oversized segment');
    case 'cross-site':
      return errorReply(403, 'api.cross-site', 'refused: the request comes from another site');
    case 'body-too-large':
      return errorReply(413, 'api.body-too-large', `the body exceeds ${BODY_LIMIT_BYTES} bytes`);
    case 'bad-body':
      return errorReply(400, 'api.invalid', failure.message);
    case 'thrown':
      return thrownReply(failure.error);
  }
}

function thrownReply(error: unknown): HttpReply {
  if (!(error instanceof GatewayError)) return errorReply(500, 'api.internal', errorText(error));
  const reply = errorReply(STATUS[error.kind], error.code, error.message);
  return error.kind === 'unauthorized' ? { ...reply, headers: { 'www-authenticate': 'Bearer' } } : reply;
}

function errorReply(status: number, code: string, message: string): HttpReply {
  const body: ErrorReply = { code, message };
  return { status, contentType: JSON_TYPE, body: JSON.stringify(body) };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}
