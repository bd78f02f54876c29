import { errorText, GatewayError } from '@sluice/base/errors';
import type { HttpDialect, HttpFailure, HttpReply } from '@sluice/core/http/dialect';
import { sendReply } from '@sluice/core/http/reply';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type OperationGroup, operationOf } from '../openapi.ts';
import { isAuthorized } from './authorization.ts';
import { BodyInvalidError } from './body.ts';
import { configRows } from './config-rows.ts';
import { connectionRows } from './connection-rows.ts';
import { addCorsHeaders, answerPreflight, isPreflight } from './cors.ts';
import { debugRows } from './debug/debug-rows.ts';
import { dnsRows } from './dns-rows.ts';
import { dohOperations, registerDoh } from './doh.ts';
import { groupRows } from './group-rows.ts';
import { maintenanceRows } from './maintenance-rows.ts';
import type { ClashOptions } from './options.ts';
import { providerRows } from './provider-rows.ts';
import { proxyRows } from './proxy-rows.ts';
import { ruleRows } from './rule-rows.ts';
import { storageRows, VALUE_TOO_LARGE } from './storage-rows.ts';
import { systemRows } from './system-rows.ts';
import { type ClashRouteConfig, type ClashRow, registerRows } from './table.ts';
import { registerUi, UI_OPERATIONS } from './ui.ts';
import { BODY_INVALID, message, PAGE_NOT_FOUND, plainText, UNAUTHORIZED } from './wire.ts';

/** Where the document shows DNS over HTTPS while it is switched off. */
const DEFAULT_DOH_PATH = '/dns-query';

/** A configuration text may come as a whole in one body. */
const BODY_LIMIT_BYTES = 16_777_216;

/** Methods the reference's router knows; any other is 405 on every path. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
]);

/** Sub-trees that ask for the secret before they look for the path. */
const MOUNTED =
  /^\/(configs|proxies|group|rules|connections|providers\/proxies|providers\/rules|cache|dns|storage|restart|upgrade)(\/|$)/;

/** The table of the dialect that is always served. */
function clashRows(options: ClashOptions): readonly ClashRow[] {
  return [
    systemRows,
    configRows,
    maintenanceRows,
    proxyRows,
    groupRows,
    providerRows,
    ruleRows,
    connectionRows,
    dnsRows,
    storageRows,
  ].flatMap((rows) => rows(options));
}

/** The control API of the mihomo / Clash.Meta kernel; claims no prefix, so it belongs last on a listener. */
export function createClashDialect(options: ClashOptions): HttpDialect {
  return {
    name: 'clash',
    prefixes: [],
    rewriteUrl: withoutDoubledSlashes,
    caseSensitive: true,
    ignoreTrailingSlash: false,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    bodies: 'raw',
    browserPolicy: 'open',
    async register(app) {
      addHooks(app, options);
      registerRows(app, clashRows(options));
      if (options.profiler !== undefined) registerRows(app, debugRows(options));
      if (options.uiDir !== undefined) await registerUi(app, options.uiDir);
      if (options.dohPath !== '') registerDoh(app, options);
    },
    fail(failure, request) {
      if (failure.kind === 'not-found' && !KNOWN_METHODS.has(request.method ?? '')) return { status: 405 };
      if (failure.kind === 'body-too-large' && request.url?.startsWith('/storage/') === true)
        return VALUE_TOO_LARGE;
      return wordFailure(failure);
    },
  };
}

/** The dialect's operations for the OpenAPI document. */
export function clashOperations(options: ClashOptions): OperationGroup {
  return {
    tag: 'clash',
    description: 'Drop-in control API for clients of the mihomo / Clash.Meta kernel',
    operations: [
      ...[...clashRows(options), ...debugRows(options)].map(operationOf),
      ...UI_OPERATIONS,
      ...dohOperations(options.dohPath === '' ? DEFAULT_DOH_PATH : options.dohPath),
    ],
  };
}

/** A documented example calls `//version`. */
function withoutDoubledSlashes(url: string): string {
  return url.replace(/^\/{2,}/, '/');
}

function addHooks(app: FastifyInstance, options: ClashOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    if (isPreflight(request)) return answerPreflight(request, reply, options.cors);
    addCorsHeaders(request, reply, options.cors);
    if (needsSecret(request) && !isAuthorized(request, options.secret)) return sendReply(reply, UNAUTHORIZED);
    return undefined;
  });
}

function needsSecret(request: FastifyRequest): boolean {
  if (request.is404) return MOUNTED.test(request.raw.url?.split('?', 1)[0] ?? '');
  const { area, wrongMethod } = request.routeOptions.config as unknown as ClashRouteConfig;
  return area === 'mounted' || (area === 'leaf' && !wrongMethod);
}

function wordFailure(failure: HttpFailure): HttpReply {
  switch (failure.kind) {
    case 'not-found':
      return PAGE_NOT_FOUND;
    case 'bad-url':
      return plainText(400, '400 Bad Request');
    case 'body-too-large':
    case 'bad-body':
      return BODY_INVALID;
    case 'cross-site':
      return message(403, 'Forbidden');
    case 'thrown':
      return wordError(failure.error);
  }
}

function wordError(error: unknown): HttpReply {
  if (error instanceof BodyInvalidError) return BODY_INVALID;
  const isExpected = error instanceof GatewayError && error.kind !== 'internal';
  return isExpected ? message(400, errorText(error)) : message(500, 'Internal error');
}
