import { open } from 'node:fs/promises';
import { join } from 'node:path';

const CHUNK_BYTES = 64 * 1024;
/** About 200,000 sockets. */
const MAX_TABLE_BYTES = 32 * 1024 * 1024;

/** The text of a table in `net`, as far as it is not unreasonably long; `''` when there is none. */
export async function readTable(procPath: string, name: string): Promise<string> {
  try {
    const file = await open(join(procPath, 'net', name));
    try {
      const chunks: Buffer[] = [];
      for (let length = 0; length < MAX_TABLE_BYTES; ) {
        const { bytesRead, buffer } = await file.read({ buffer: Buffer.allocUnsafe(CHUNK_BYTES) });
        if (bytesRead === 0) break;
        chunks.push(buffer.subarray(0, bytesRead));
        length += bytesRead;
      }
      return Buffer.concat(chunks).toString('latin1');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isFileError(error)) return '';
    throw error;
  }
}

/** Whether the system refused a file: processes end and change their rights while they are looked at. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
