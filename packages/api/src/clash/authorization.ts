import { queryOf } from '@sluice/core/http/query';
import { bearerCredentials, secretMatches } from '@sluice/core/http/secret';
import type { FastifyRequest } from 'fastify';

/** Whether a request carries the secret: `token` decides on a WebSocket handshake that has one, the bearer header otherwise. */
export function isAuthorized(request: FastifyRequest, secret: string): boolean {
  if (secret === '') return true;
  const token = request.headers.upgrade === 'websocket' ? queryOf(request.raw).get('token') : null;
  if (token) return secretMatches(token, secret);
  const given = bearerCredentials(request.headers.authorization);
  return given !== undefined && secretMatches(given, secret);
}
