import { errorText, GatewayError } from '@sluice/base/errors';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from '../log/logger.ts';
import type { HttpDialect, HttpFailure, HttpListenerView } from './dialect.ts';
import { sendReply } from './reply.ts';

const MAX_SEGMENT_LENGTH = 4_096;

/** Makes the Fastify instance that routes one dialect's requests on one listener; every failure is worded by the dialect. */
export async function openDialectApp(
  dialect: HttpDialect,
  listener: HttpListenerView,
  log: Logger,
): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    bodyLimit: dialect.bodyLimitBytes,
    return503OnClosing: false,
    requestIdHeader: false,
    routerOptions: {
      caseSensitive: dialect.caseSensitive,
      ignoreTrailingSlash: dialect.ignoreTrailingSlash,
      maxParamLength: MAX_SEGMENT_LENGTH,
    },
    frameworkErrors: (_error, request, reply) => {
      sendReply(reply, dialect.fail({ kind: 'bad-url' }, request.raw));
    },
  });
  if (dialect.bodies === 'raw') {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  }
  app.setNotFoundHandler((request, reply) =>
    sendReply(reply, dialect.fail({ kind: 'not-found' }, request.raw)),
  );
  app.setErrorHandler((error, request, reply) => {
    const failure = classify(error);
    if (failure.kind === 'thrown') logBug(failure.error, `${listener.name}: ${dialect.name}`, log);
    sendReply(reply, dialect.fail(failure, request.raw));
  });
  await dialect.register(app, listener);
  await app.ready();
  return app;
}

function classify(error: unknown): HttpFailure {
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return { kind: 'body-too-large' };
  const isFrameworks = typeof code === 'string' && code.startsWith('FST_');
  const isClients = typeof statusCode === 'number' && statusCode < 500;
  return isFrameworks && isClients
    ? { kind: 'bad-body', message: errorText(error) }
    : { kind: 'thrown', error };
}

function logBug(error: unknown, where: string, log: Logger): void {
  if (error instanceof GatewayError && error.kind !== 'internal') return;
  const cause = error instanceof Error && error.cause !== undefined ? ` (${errorText(error.cause)})` : '';
  log.error(`${where} request failed: ${errorText(error)}${cause}`);
}
