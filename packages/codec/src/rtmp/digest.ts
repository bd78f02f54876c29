import { createHmac } from 'node:crypto';

/** C1, C2, S1 and S2 are this long. */
export const HANDSHAKE_BYTES = 1536;
const DIGEST_BYTES = 32;

const TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const PLAYER_NAME = Buffer.from('Genuine Adobe Flash Player 001', 'latin1');
const SERVER_NAME = Buffer.from('Genuine Adobe Flash Media Server 001', 'latin1');

/** The keys of the digest handshake: names sign C1 and S1, full keys make the keys of C2 and S2. */
export const PLAYER_KEY: Buffer = PLAYER_NAME;
export const SERVER_KEY: Buffer = SERVER_NAME;
export const PLAYER_FULL_KEY: Buffer = Buffer.concat([PLAYER_NAME, TAIL]);
export const SERVER_FULL_KEY: Buffer = Buffer.concat([SERVER_NAME, TAIL]);

/** Where the digest block starts: 772 in scheme 0, 8 in scheme 1. */
export type DigestScheme = 0 | 1;

/** The digest position: the block's four offset bytes summed modulo 728, after them. */
export function digestOffset(block: Uint8Array, scheme: DigestScheme): number {
  const base = scheme === 0 ? 772 : 8;
  let sum = 0;
  for (let index = base; index < base + 4; index++) sum += block[index] ?? 0;
  return base + 4 + (sum % 728);
}

/** HMAC-SHA256 over the 1536 bytes without the 32 at `offset`. */
function digestOf(block: Uint8Array, offset: number, key: Uint8Array): Buffer {
  return createHmac('sha256', key)
    .update(block.subarray(0, offset))
    .update(block.subarray(offset + DIGEST_BYTES, HANDSHAKE_BYTES))
    .digest();
}

/** The digest of C1 or S1 and its scheme when one verifies with `key`, else `undefined`. */
export function findDigest(
  block: Uint8Array,
  key: Uint8Array,
): { scheme: DigestScheme; digest: Buffer } | undefined {
  for (const scheme of [0, 1] as const) {
    const offset = digestOffset(block, scheme);
    const digest = digestOf(block, offset, key);
    if (digest.equals(block.subarray(offset, offset + DIGEST_BYTES))) return { scheme, digest };
  }
  return undefined;
}

/** Puts the digest into C1 or S1 and returns it. */
export function signBlock(block: Uint8Array, scheme: DigestScheme, key: Uint8Array): Buffer {
  const offset = digestOffset(block, scheme);
  const digest = digestOf(block, offset, key);
  block.set(digest, offset);
  return digest;
}

/** Signs C2 or S2 in its last 32 bytes, with a key made from the peer's digest. */
export function signAnswer(block: Uint8Array, fullKey: Uint8Array, peerDigest: Uint8Array): void {
  const key = createHmac('sha256', fullKey).update(peerDigest).digest();
  const signed = HANDSHAKE_BYTES - DIGEST_BYTES;
  block.set(createHmac('sha256', key).update(block.subarray(0, signed)).digest(), signed);
}
