import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

const CHUNK_CHARS = 65_536;

/** Answers with a JSON array written while it is read, so that its length costs no memory. */
export function streamArray<T>(
  reply: FastifyReply,
  records: AsyncIterable<T>,
  encode: (record: T) => object,
): FastifyReply {
  reply.type('application/json; charset=utf-8');
  return reply.send(Readable.from(arrayText(records, encode), { objectMode: false }));
}

async function* arrayText<T>(
  records: AsyncIterable<T>,
  encode: (record: T) => object,
): AsyncGenerator<string> {
  let text = '[';
  let separator = '';
  for await (const record of records) {
    text += separator + JSON.stringify(encode(record));
    separator = ',';
    if (text.length < CHUNK_CHARS) continue;
    yield text;
    text = '';
  }
  yield `${text}]`;
}
