import { promisify } from 'node:util';
import { zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { ByteReader } from '@sluice/base/bytes';
import { errorText, GatewayError, ProtocolError } from '@sluice/base/errors';
import { parseMrsDomains } from '@sluice/codec/mrs/domains';
import { parseMrsHeader } from '@sluice/codec/mrs/header';
import { parseMrsRanges } from '@sluice/codec/mrs/ranges';
import { buildDomainSet, buildRangeSet } from './build-entry-set.ts';
import { contentError } from './content-error.ts';
import type { EntrySet, SetBehavior } from './entry-set.ts';
import type { Steps } from './steps.ts';

/** Some ten times the largest list in use. */
const MAX_CONTENT_BYTES = 64 * 2 ** 20;

const TEXTS: Readonly<Record<string, string>> = {
  'mrs-magic': 'invalid MrsMagic bytes',
  'mrs-behavior': 'invalid behavior',
  'mrs-length': 'length is invalid',
  'mrs-version': 'version is invalid',
  truncated: 'unexpected EOF',
};

const decompressAsync = promisify(zstdDecompress);

/** Unpacks a file, which is one zstd stream. @throws GatewayError `rule-set.content` */
export function unpackMrs(bytes: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: MAX_CONTENT_BYTES });
  } catch (error) {
    throw contentError(errorText(error), error);
  }
}

/** As `unpackMrs`, on another thread. */
export async function unpackMrsAsync(bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await decompressAsync(bytes, { maxOutputLength: MAX_CONTENT_BYTES });
  } catch (error) {
    throw contentError(errorText(error), error);
  }
}

/** Compiles an unpacked file. @throws GatewayError `rule-set.content`, also when it is of another behavior */
export function* buildMrsSet(
  bytes: Uint8Array,
  behavior: SetBehavior,
  warn: (message: string) => void,
): Steps<EntrySet> {
  try {
    const reader = new ByteReader(bytes);
    const header = parseMrsHeader(reader);
    if (header.behavior !== behavior) throw contentError('invalid behavior');
    if (behavior === 'ipcidr') return yield* buildRangeSet(parseMrsRanges(reader), header.count);
    const domains = parseMrsDomains(reader);
    yield;
    return yield* buildDomainSet(domains, warn, header.count);
  } catch (error) {
    if (error instanceof GatewayError || !(error instanceof ProtocolError)) throw error;
    throw contentError(TEXTS[error.code] ?? error.message, error);
  }
}
