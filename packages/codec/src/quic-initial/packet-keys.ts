import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** Keys of Initial packets that a client sends (RFC 9001 §5.2). */
export type InitialKeys = { readonly key: Buffer; readonly iv: Buffer; readonly headerKey: Buffer };

/** Versions whose Initial packets can be read. */
export const QUIC_VERSION_1 = 0x0000_0001;
export const QUIC_DRAFT_29 = 0xff00_001d;

const SALTS: ReadonlyMap<number, Buffer> = new Map([
  [QUIC_VERSION_1, Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex')],
  [QUIC_DRAFT_29, Buffer.from('afbfec289993d24c9e9786f19c6111e04390a899', 'hex')],
]);

const TAG_BYTES = 16;

/** The client's keys for a first destination connection id; `undefined` for a version whose salt is not known. */
export function clientInitialKeys(version: number, connectionId: Uint8Array): InitialKeys | undefined {
  const salt = SALTS.get(version);
  if (salt === undefined) return undefined;
  const initial = hmac(salt, connectionId);
  const client = expandLabel(initial, 'client in', 32);
  return {
    key: expandLabel(client, 'quic key', 16),
    iv: expandLabel(client, 'quic iv', 12),
    headerKey: expandLabel(client, 'quic hp', 16),
  };
}

/** The five bytes that protect a header, from 16 bytes of cipher text (RFC 9001 §5.4.3). */
export function headerMask(keys: InitialKeys, sample: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-ecb', keys.headerKey, null);
  cipher.setAutoPadding(false);
  return cipher.update(sample).subarray(0, 5);
}

/** The plain text of a packet, `undefined` when its tag is wrong (RFC 9001 §5.3). */
export function openPayload(
  keys: InitialKeys,
  packetNumber: number,
  header: Uint8Array,
  sealed: Uint8Array,
): Buffer | undefined {
  const nonce = Buffer.from(keys.iv);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ packetNumber) >>> 0, 8);
  const decipher = createDecipheriv('aes-128-gcm', keys.key, nonce);
  decipher.setAAD(header);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    decipher.final();
    return plain;
  } catch {
    // A wrong tag is the only reason, and tells the same as the result.
    return undefined;
  }
}

/** HKDF-Expand-Label for at most one block of output (RFC 8446 §7.1). */
function expandLabel(secret: Uint8Array, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`, 'latin1');
  const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)]);
  return hmac(secret, info).subarray(0, length);
}

function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
