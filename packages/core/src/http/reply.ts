import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { HttpReply } from './dialect.ts';

/** Sends a dialect's answer through Fastify, keeping headers that hooks have set. */
export function sendReply(reply: FastifyReply, answer: HttpReply | 'close'): FastifyReply {
  if (answer === 'close') {
    reply.hijack();
    reply.raw.destroy();
    return reply;
  }
  reply.code(answer.status);
  for (const [name, value] of Object.entries(answer.headers ?? {})) reply.header(name, value);
  if (answer.contentType !== undefined) reply.header('content-type', answer.contentType);
  // A Buffer keeps Fastify from adding a content type of its own to a text.
  return answer.body === undefined
    ? reply.removeHeader('content-type').send()
    : reply.send(bufferOf(answer.body));
}

/** Sends a dialect's answer on a bare response, before any routing took place. */
export function writeReply(response: ServerResponse, answer: HttpReply | 'close'): void {
  if (answer === 'close') {
    response.destroy();
    return;
  }
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.contentType !== undefined) response.setHeader('content-type', answer.contentType);
  response.end(answer.body);
}

function bufferOf(body: string | Uint8Array): Buffer {
  return typeof body === 'string'
    ? Buffer.from(body)
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
