import type { HttpReply } from '@sluice/core/http/dialect';
import type { ClashOptions } from './options.ts';
import type { ClashRow } from './table.ts';
import { BODY_INVALID, message, NO_CONTENT } from './wire.ts';

const MAX_VALUE_BYTES = 1_048_576;
/** Also for bodies that are too long to be read at all. */
export const VALUE_TOO_LARGE: HttpReply = message(413, 'payload exceeds 1MB limit');
const NULL = Buffer.from('null');

/** `/storage/{key}`: JSON texts that web interfaces keep for themselves, byte for byte. */
export function storageRows({ route: { storage } }: ClashOptions): readonly ClashRow[] {
  const item = { path: '/storage/:key', area: 'mounted' } as const;
  return [
    {
      ...item,
      method: 'GET',
      summary: 'A stored JSON text',
      replies: { 200: { description: 'The text as it was stored, `null` for none' } },
      answer: ({ params: { key = '' } }) => ({
        status: 200,
        contentType: 'application/json',
        body: storage.get(key) ?? NULL,
      }),
    },
    {
      ...item,
      method: 'PUT',
      summary: 'Store a JSON text; keys over 64 bytes are not kept, the oldest entries make room',
      requestSchema: {},
      replies: {
        204: { description: 'Stored' },
        400: { description: 'Not JSON' },
        413: { description: 'More than 1 MiB' },
      },
      answer: ({ params: { key = '' }, body }) => {
        if (body === undefined || !isJson(body)) return BODY_INVALID;
        if (body.length > MAX_VALUE_BYTES) return VALUE_TOO_LARGE;
        storage.put(key, body);
        return NO_CONTENT;
      },
    },
    {
      ...item,
      method: 'DELETE',
      summary: 'Forget a stored text; unknown keys are no error',
      replies: { 204: { description: 'Forgotten' } },
      answer: ({ params: { key = '' } }) => {
        storage.delete(key);
        return NO_CONTENT;
      },
    },
  ];
}

function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString('utf8'));
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
