import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { GatewayError } from '@sluice/base/errors';
import { extract } from 'tar-stream';
import { type Entry, fromBufferPromise } from 'yauzl';

/** One thing in an archive, as the archive describes it: nothing of it is to be trusted. */
export type ArchiveEntry = {
  /** With `/` between its parts; directories of zip archives end with one. */
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'other';
  /** To be read to its end before the next entry is asked for. */
  readonly open: () => Promise<Readable>;
};

const FILE_TYPE_MASK = 0o170000;
const FILE_TYPES: ReadonlyMap<number, ArchiveEntry['kind']> = new Map([
  [0, 'file'],
  [0o100000, 'file'],
  [0o040000, 'directory'],
]);
const CREATED_ON_UNIX = 3;

/** The entries of a zip archive or a gzip-compressed tar archive. @throws GatewayError `ui.archive`, or the library's errors */
export function archiveEntries(bytes: Uint8Array, limitBytes: number): AsyncIterable<ArchiveEntry> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1'))) return zipEntries(buffer);
  if (buffer[0] === 0x1f && buffer[1] === 0x8b) return tarEntries(buffer, limitBytes);
  throw archiveError('unknown or unsupported file type');
}

async function* zipEntries(buffer: Buffer): AsyncGenerator<ArchiveEntry> {
  const zip = await fromBufferPromise(buffer, { lazyEntries: true, strictFileNames: false });
  for await (const entry of zip.eachEntry()) {
    yield { name: entry.fileName, kind: zipKind(entry), open: () => zip.openReadStreamPromise(entry) };
  }
}

function zipKind(entry: Entry): ArchiveEntry['kind'] {
  if (entry.fileName.endsWith('/')) return 'directory';
  if (entry.versionMadeBy >> 8 !== CREATED_ON_UNIX) return 'file';
  return FILE_TYPES.get((entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK) ?? 'other';
}

async function* tarEntries(buffer: Buffer, limitBytes: number): AsyncGenerator<ArchiveEntry> {
  const unpacked = createGunzip();
  const tar = extract();
  let size = 0;
  unpacked.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limitBytes) unpacked.destroy(archiveError(`more than ${limitBytes} bytes`));
  });
  unpacked.once('error', (error) => tar.destroy(error));
  unpacked.pipe(tar);
  unpacked.end(buffer);
  try {
    for await (const entry of tar) {
      const { name, type } = entry.header;
      const kind = type === 'file' || type === 'directory' ? type : 'other';
      const drained = () => Promise.resolve(Readable.from(entry));
      yield { name, kind, open: drained };
      entry.resume();
    }
  } finally {
    unpacked.destroy();
    tar.destroy();
  }
}

/** The refusal of an archive as a whole. */
export function archiveError(message: string): GatewayError {
  return new GatewayError('invalid', 'ui.archive', message);
}
