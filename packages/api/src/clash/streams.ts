import type { Clock } from '@sluice/base/clock';
import { openLineStream, openSocketStream, type TextStream } from '@sluice/core/http/json-stream';
import { sendReply } from '@sluice/core/http/reply';
import { handshakeProblem } from '@sluice/core/http/upgrade';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { plainText } from './wire.ts';

/** True when the request asks for the WebSocket form; any other `Upgrade` value gets the plain one. */
export function wantsWebSocket(request: FastifyRequest): boolean {
  return request.headers.upgrade === 'websocket';
}

/** Opens the WebSocket form, or answers why the handshake failed. */
export function openWebSocket(
  request: FastifyRequest,
  reply: FastifyReply,
  start: (stream: TextStream) => void,
): void {
  const problem = handshakeProblem(request.raw);
  if (problem === undefined) {
    openSocketStream(request, reply, start);
    return;
  }
  const version: Readonly<Record<string, string>> =
    problem.status === 426 ? { 'sec-websocket-version': '13' } : {};
  sendReply(reply, plainText(problem.status, `handshake error: ${problem.phrase}`, version));
}

/** Opens the form the client asked for: text frames or chunked lines. */
export function openStream(
  request: FastifyRequest,
  reply: FastifyReply,
  start: (stream: TextStream) => void,
): void {
  if (wantsWebSocket(request)) openWebSocket(request, reply, start);
  else start(openLineStream(request, reply, 'application/json'));
}

/** Sends what `next` returns every `periodMs` until the client leaves. */
export function sendEvery(stream: TextStream, clock: Clock, periodMs: number, next: () => string): void {
  const timer = clock.every(periodMs, () => stream.send(next()));
  stream.onClose(() => timer.cancel());
}
