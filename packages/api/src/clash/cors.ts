import type { FastifyReply, FastifyRequest } from 'fastify';

/** Which pages may read the answers; patterns are origins with at most one `*`. */
export type CorsRules = { readonly allowOrigins: readonly string[]; readonly allowPrivateNetwork: boolean };

/** The reference's defaults: any page, private networks included. */
export const DEFAULT_CORS: CorsRules = { allowOrigins: ['*'], allowPrivateNetwork: true };

const ALLOWED_METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const ALLOWED_HEADERS: readonly string[] = ['content-type', 'authorization', 'origin'];
const MAX_AGE_SECONDS = '300';

/** Adds the headers every non-preflight answer carries. */
export function addCorsHeaders(request: FastifyRequest, reply: FastifyReply, rules: CorsRules): void {
  reply.header('vary', 'Origin');
  const origin = request.headers.origin;
  const allowed = origin === undefined ? undefined : allowedOrigin(origin, rules);
  if (allowed !== undefined && (ALLOWED_METHODS.includes(request.method) || request.method === 'OPTIONS')) {
    reply.header('access-control-allow-origin', allowed);
  }
}

/** True when the request only asks what a later one may do. */
export function isPreflight(request: FastifyRequest): boolean {
  const { headers, method } = request;
  return method === 'OPTIONS' && Boolean(headers['access-control-request-method']) && Boolean(headers.origin);
}

/** Answers a preflight: always 200 without a body, with permissions only when everything asked for is allowed. */
export function answerPreflight(
  request: FastifyRequest,
  reply: FastifyReply,
  rules: CorsRules,
): FastifyReply {
  reply.header('vary', ['Origin', 'Access-Control-Request-Method', 'Access-Control-Request-Headers']);
  const origin = allowedOrigin(request.headers.origin ?? '', rules);
  const method = (request.headers['access-control-request-method'] ?? '').toUpperCase();
  const wanted = headerNames(request.headers['access-control-request-headers']);
  const isAllowed =
    ALLOWED_METHODS.includes(method) && wanted.every((name) => ALLOWED_HEADERS.includes(name.toLowerCase()));
  if (origin !== undefined && isAllowed) {
    reply.header('access-control-allow-origin', origin);
    reply.header('access-control-allow-methods', method);
    if (wanted.length > 0) reply.header('access-control-allow-headers', wanted.map(canonicalName).join(', '));
    reply.header('access-control-max-age', MAX_AGE_SECONDS);
    if (rules.allowPrivateNetwork && request.headers['access-control-request-private-network'] === 'true') {
      reply.header('access-control-allow-private-network', 'true');
    }
  }
  return reply.code(200).send();
}

function allowedOrigin(origin: string, rules: CorsRules): string | undefined {
  if (rules.allowOrigins.length === 0 || rules.allowOrigins.includes('*')) return '*';
  const lower = origin.toLowerCase();
  return rules.allowOrigins.some((pattern) => matchesOrigin(lower, pattern.toLowerCase()))
    ? origin
    : undefined;
}

function matchesOrigin(origin: string, pattern: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return origin === pattern;
  const head = pattern.slice(0, star);
  const tail = pattern.slice(star + 1);
  return origin.length >= head.length + tail.length && origin.startsWith(head) && origin.endsWith(tail);
}

function headerNames(list: string | undefined): readonly string[] {
  return (list ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function canonicalName(name: string): string {
  return name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
}
