import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { HttpDialect, HttpListenerView, HttpReply } from '@sluice/core/http/dialect';
import { rawQuery } from '@sluice/core/http/query';
import { sendReply } from '@sluice/core/http/reply';
import { pendingUpgrade } from '@sluice/core/http/upgrade';
import type { Logger } from '@sluice/core/log/logger';
import type { MediaControl } from '@sluice/media/port';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OperationGroup } from '../openapi.ts';
import { refuseCall } from './authorization.ts';
import {
  CODE_EXCEPTION,
  CODE_INVALID_ARGUMENTS,
  type Envelope,
  encodeEnvelope,
  success,
} from './envelope.ts';
import { parseParameters, toBoolean, toInteger } from './parameters.ts';
import { type BuildInfo, serverRows } from './server-rows.ts';
import { sessionRows } from './session-rows.ts';
import { streamRows } from './stream-rows.ts';
import { missingParameters, type ZlmRow } from './table.ts';

/** What the zlm dialect stands on. */
export type ZlmOptions = {
  readonly media: MediaControl;
  readonly build: BuildInfo;
  /** Value of the `Server` header. */
  readonly serverToken: string;
  readonly clock: Clock;
  readonly log: Logger;
};

const API_METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const;
const ALLOWED_METHODS = 'GET, POST, PUT, HEAD, OPTIONS, DELETE';
const DEFAULT_BODY_LIMIT_BYTES = 40_960;
const DEFAULT_KEEP_ALIVE_SECONDS = 30;

/** The media server API of WD-ZLM and ZLMediaKit. */
export function createZlmDialect(options: ZlmOptions): HttpDialect {
  const { media } = options;
  return {
    name: 'zlm',
    prefixes: ['/index'],
    caseSensitive: false,
    ignoreTrailingSlash: false,
    bodyLimitBytes: toInteger(media.config().get('http.maxReqSize') ?? '') || DEFAULT_BODY_LIMIT_BYTES,
    bodies: 'raw',
    // Every call needs the secret, and pages of other origins are meant to be able to give it.
    browserPolicy: 'open',
    register(app, listener) {
      addHooks(app, options);
      registerRows(app, options, listener);
    },
    fail(failure, request) {
      switch (failure.kind) {
        case 'not-found':
        case 'bad-url':
          return request.method === 'GET' ? notFoundPage(media) : { status: 404 };
        case 'body-too-large':
        case 'cross-site':
          return 'close';
        case 'bad-body':
          return envelopeReply(media, { code: CODE_EXCEPTION, msg: failure.message });
        case 'thrown':
          return envelopeReply(media, { code: CODE_EXCEPTION, msg: clientText(failure.error) });
      }
    },
  };
}

/** The dialect's operations for the OpenAPI document. */
export function zlmOperations(options: ZlmOptions): OperationGroup {
  const nobody: HttpListenerView = {
    name: 'document',
    connections: () => [],
    connectionOf: () => undefined,
    closeConnection: () => false,
  };
  return {
    tag: 'zlm',
    description: 'Drop-in API for clients of WD-ZLM and ZLMediaKit; every call takes `secret`',
    operations: zlmRows(options, nobody).map((row) => ({
      method: 'GET',
      path: row.path,
      summary: row.summary,
      query: { secret: { description: 'The configured secret', required: true }, ...row.parameters },
      replies: { 200: { description: 'An envelope with `code`, 0 for success', schema: { type: 'object' } } },
    })),
  };
}

function zlmRows({ media, build, log }: ZlmOptions, listener: HttpListenerView): readonly ZlmRow[] {
  const rows = [...serverRows(media, build, log), ...streamRows(media), ...sessionRows(media, listener)];
  const listed = ['/index/', '/index/api/getApiList', ...rows.map(({ path }) => path)].sort((a, b) =>
    a.toLowerCase() < b.toLowerCase() ? -1 : 1,
  );
  const apiList = {
    summary: 'All paths of this API',
    parameters: {},
    answer: () => success({ data: listed }),
  };
  return [{ ...apiList, path: '/index/' }, { ...apiList, path: '/index/api/getApiList' }, ...rows];
}

function addHooks(app: FastifyInstance, { media, serverToken }: ZlmOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    const config = media.config();
    reply.header('server', serverToken);
    addConnectionHeaders(request, reply, config);
    if (pendingUpgrade(request.raw)) return reply.code(501).send();
    if (request.method === 'OPTIONS') return answerOptions(reply, config);
    addCorsHeaders(request, reply, config);
    if (request.method === 'HEAD') return reply.code(200).header('content-length', '0').send();
    if (!(API_METHODS as readonly string[]).includes(request.method)) {
      return reply.code(405).removeHeader('keep-alive').header('connection', 'close').send();
    }
    return undefined;
  });
}

function addConnectionHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  config: ReadonlyMap<string, string>,
): void {
  const wanted = request.headers.connection?.toLowerCase();
  if (wanted === 'close') reply.header('connection', 'close');
  else if (request.raw.httpVersion !== '1.0' || wanted === 'keep-alive') {
    const seconds = toInteger(config.get('http.keepAliveSecond') ?? '') || DEFAULT_KEEP_ALIVE_SECONDS;
    reply.headers({ connection: 'keep-alive', 'keep-alive': `timeout=${seconds}, max=100` });
  }
}

function answerOptions(reply: FastifyReply, config: ReadonlyMap<string, string>): FastifyReply {
  if (allowsCrossDomains(config)) {
    reply.headers({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': '*',
      'access-control-allow-methods': ALLOWED_METHODS,
    });
  }
  return reply
    .code(200)
    .headers({
      allow: ALLOWED_METHODS,
      'access-control-allow-credentials': 'true',
      'access-control-request-methods': 'GET, POST, PUT, OPTIONS, DELETE',
      'access-control-request-headers': 'Accept,Accept-Language,Content-Language,Content-Type',
      connection: 'close',
    })
    .removeHeader('keep-alive')
    .send();
}

function addCorsHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  config: ReadonlyMap<string, string>,
): void {
  const origin = request.headers.origin;
  if (origin === undefined || !allowsCrossDomains(config)) return;
  reply.headers({ 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' });
}

function allowsCrossDomains(config: ReadonlyMap<string, string>): boolean {
  return toBoolean(config.get('http.allow_cross_domains') ?? '');
}

function registerRows(app: FastifyInstance, options: ZlmOptions, listener: HttpListenerView): void {
  for (const row of zlmRows(options, listener)) {
    app.route({
      method: [...API_METHODS],
      url: row.path,
      handler: async (request, reply) =>
        sendReply(reply, await answerCall(row, options, listener, request, reply)),
    });
  }
}

async function answerCall(
  row: ZlmRow,
  { media, clock }: ZlmOptions,
  listener: HttpListenerView,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<HttpReply> {
  const bytes = request.body as Buffer | undefined;
  const body =
    bytes === undefined ? undefined : { bytes, contentType: request.headers['content-type'] ?? '' };
  const parameters = parseParameters(rawQuery(request.raw), body, request.headers);
  const refusal = refuseCall(request.raw, parameters, media.config(), clock.now());
  if (refusal !== undefined) {
    if (refusal.setCookie !== undefined) reply.header('set-cookie', refusal.setCookie);
    return envelopeReply(media, refusal.envelope);
  }
  const missing = missingParameters(row, parameters);
  if (missing !== undefined) return envelopeReply(media, { code: CODE_INVALID_ARGUMENTS, msg: missing });
  const envelope = await row.answer({
    parameters,
    connection: listener.connectionOf(request.raw),
    afterReply: (task) => reply.raw.once('finish', task),
  });
  return envelopeReply(media, envelope);
}

function envelopeReply(media: MediaControl, envelope: Envelope): HttpReply {
  return { status: 200, contentType: contentType('application/json', media), body: encodeEnvelope(envelope) };
}

/** `type` with the configured character set; one that is no name would break the header and counts for nothing. */
function contentType(type: string, media: MediaControl): string {
  const charSet = media.config().get('http.charSet') ?? '';
  return `${type}; charset=${/^[\w.:+-]+$/.test(charSet) ? charSet : 'utf-8'}`;
}

function notFoundPage(media: MediaControl): HttpReply {
  const page = media.config().get('http.notFound') ?? '';
  return { status: 404, contentType: contentType('text/html', media), body: page };
}

/** The text of an expected failure; an unexpected one stays in the log. */
function clientText(error: unknown): string {
  return error instanceof GatewayError && error.kind !== 'internal' ? errorText(error) : 'internal error';
}
