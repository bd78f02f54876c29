import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { archiveEntries, archiveError } from './archive-entries.ts';

/** Beyond these an archive is refused. */
export type UnpackLimits = { readonly entries: number; readonly totalBytes: number };

const MAX_DEPTH = 32;
const MAX_NAME_BYTES = 1024;

/**
 * Unpacks a zip or tar.gz archive into an empty directory that nobody else writes to: plain files and directories only,
 * none of them outside. Resolves to the names at the top.
 * @throws GatewayError `ui.archive`, or the errors of the file system and of decompression
 */
export async function unpackArchive(
  bytes: Uint8Array,
  folder: string,
  limits: UnpackLimits,
): Promise<ReadonlySet<string>> {
  const tops = new Set<string>();
  let entries = 0;
  let roomBytes = limits.totalBytes;
  for await (const { name, kind, open } of archiveEntries(bytes, limits.totalBytes)) {
    if (++entries > limits.entries) throw archiveError(`more than ${limits.entries} entries`);
    const parts = safeParts(name);
    if (parts === undefined) throw archiveError(`unsafe name: ${name.slice(0, 100)}`);
    if (kind === 'other') throw archiveError(`neither a file nor a directory: ${name.slice(0, 100)}`);
    const [top] = parts;
    if (top === undefined) continue;
    tops.add(top);
    const path = join(folder, ...parts);
    await mkdir(kind === 'directory' ? path : dirname(path), { recursive: true, mode: 0o755 });
    if (kind === 'file') roomBytes -= await writeEntry(await open(), path, roomBytes);
  }
  return tops;
}

async function writeEntry(source: Readable, path: string, roomBytes: number): Promise<number> {
  let size = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > roomBytes) done(archiveError('the unpacked files are too large'));
      else done(null, chunk);
    },
  });
  await pipeline(source, bounded, createWriteStream(path, { flags: 'wx', mode: 0o644 }));
  return size;
}

/** The parts of a name that stays inside, [] for the archive's own directory; `undefined` for any other. */
export function safeParts(name: string): readonly string[] | undefined {
  const isPlain = Buffer.byteLength(name) <= MAX_NAME_BYTES && !/[\0\\]|^\/|^[A-Za-z]:/.test(name);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  return isPlain && parts.length <= MAX_DEPTH && !parts.includes('..') ? parts : undefined;
}
