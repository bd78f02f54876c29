import type { Clock } from '@sluice/base/clock';
import { type ErrorKind, errorText, GatewayError } from '@sluice/base/errors';
import type { HttpDialect, HttpFailure, HttpReply } from '@sluice/core/http/dialect';
import { sendReply } from '@sluice/core/http/reply';
import { bearerCredentials, secretMatches } from '@sluice/core/http/secret';
import type { InspectControl } from '@sluice/inspect/port';
import type { FastifyInstance } from 'fastify';
import { type OperationGroup, operationOf } from '../openapi.ts';
import { MalformedBodyError } from './body.ts';
import { overviewRows } from './overview-rows.ts';
import { DeleteFailedError, recordRows } from './record-rows.ts';
import { ruleRows } from './rule-rows.ts';
import { type AdminRow, registerRows } from './table.ts';
import { TEXTS } from './texts.ts';
import { unavailableRows } from './unavailable-rows.ts';
import { failure, json, refusal, serverError } from './wire.ts';

/** What the quantumult dialect stands on. */
export type QuantumultOptions = {
  readonly inspect: InspectControl;
  readonly clock: Clock;
  /** Bearer token; `''` switches the check off, as loopback listeners may. */
  readonly secret: string;
};

const BODY_LIMIT_BYTES = 10 * 1024 * 1024;

const COMMON_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};

/** The table of the dialect, for registration and for the document. */
export function quantumultRows({ inspect, clock }: QuantumultOptions): readonly AdminRow[] {
  return [
    ...overviewRows(inspect, clock),
    ...recordRows(inspect),
    ...ruleRows(inspect),
    ...unavailableRows(),
  ];
}

/** The admin API of the Quantumult Proxy. */
export function createQuantumultDialect(options: QuantumultOptions): HttpDialect {
  const nextRequestId = requestIds(options.clock);
  return {
    name: 'quantumult',
    prefixes: ['/admin', '/api/capture'],
    caseSensitive: false,
    ignoreTrailingSlash: true,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    bodies: 'raw',
    browserPolicy: 'same-site',
    register(app) {
      addHooks(app, options.secret);
      registerRows(app, quantumultRows(options));
    },
    fail: (problem, request) => {
      const reply = wordFailure(problem, () => ({
        error: TEXTS.notFound,
        message: TEXTS.pathNotFound(request.url ?? ''),
        request_id: nextRequestId(),
      }));
      return { ...reply, headers: { ...COMMON_HEADERS, ...reply.headers } };
    },
  };
}

/** The dialect's operations for the OpenAPI document. */
export function quantumultOperations(options: QuantumultOptions): OperationGroup {
  return {
    tag: 'quantumult',
    description: 'Drop-in admin API for clients of the Quantumult Proxy',
    operations: quantumultRows(options).map(operationOf),
  };
}

function addHooks(app: FastifyInstance, secret: string): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(COMMON_HEADERS);
    if (secret === '') return undefined;
    const given = bearerCredentials(request.headers.authorization);
    if (given !== undefined && secretMatches(given, secret)) return undefined;
    return sendReply(reply, {
      ...failure(401, TEXTS.unauthorized),
      headers: { 'www-authenticate': 'Bearer' },
    });
  });
}

/** `YYYYMMDD_HHMMSS_NNN` in local time, with a counter that starts again at 1000. */
function requestIds(clock: Clock): () => string {
  let counter = 0;
  return () => {
    const date = new Date(clock.now());
    const two = (value: number) => String(value).padStart(2, '0');
    const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
    const time = `${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
    const number = String(counter++ % 1_000).padStart(3, '0');
    return `${day}_${time}_${number}`;
  };
}

function wordFailure(problem: HttpFailure, notFound: () => object): HttpReply {
  switch (problem.kind) {
    case 'not-found':
      return json(notFound(), 404);
    case 'bad-url':
      return serverError(400, 'Failed to decode param');
    case 'cross-site':
      return failure(403, TEXTS.crossSite);
    case 'body-too-large':
      return serverError(413, 'request entity too large');
    case 'bad-body':
      return serverError(400, problem.message);
    case 'thrown':
      return wordError(problem.error);
  }
}

const STATUS_BY_KIND: Readonly<Record<ErrorKind, number>> = {
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

function wordError(error: unknown): HttpReply {
  if (error instanceof MalformedBodyError) return serverError(400, error.message);
  if (error instanceof DeleteFailedError) return refusal(500, TEXTS.deleteFailed);
  // The text of an unexpected error may hold paths or captured data, so it stays in the log.
  if (!(error instanceof GatewayError) || error.kind === 'internal') return failure(500, TEXTS.serverError);
  if (error.kind === 'unavailable') return failure(503, TEXTS.serverError);
  return failure(STATUS_BY_KIND[error.kind], errorText(error));
}
