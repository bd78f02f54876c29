import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Fetcher } from '../fetch/fetcher.ts';

const TIMEOUT_MS = 90_000;
const LIMIT_BYTES = 200 * 2 ** 20;

/** The body behind a URL. @throws Error with the status line unless the status is 2xx; what `Fetcher.fetch` throws */
export async function downloadGeoFile(
  fetcher: Fetcher,
  url: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const request = { url, outbound: '', timeoutMs: TIMEOUT_MS, limitBytes: LIMIT_BYTES, signal };
  const { status, statusLine, body } = await fetcher.fetch(request);
  if (status < 200 || status > 299) throw new Error(statusLine);
  return body;
}

/** Puts a file in place whole: readers see the old one or the new one. */
export async function saveGeoFile(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Whether the file holds just these bytes already; then its time becomes `nowMs`, as if it had been written. */
export async function touchIfSame(path: string, bytes: Uint8Array, nowMs: number): Promise<boolean> {
  const present = await readFile(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (present?.equals(bytes) !== true) return false;
  await utimes(path, nowMs / 1000, nowMs / 1000);
  return true;
}
