import { createHash, hkdfSync } from 'node:crypto';
import { type AeadAlgorithm, aeadKeyBytes } from '@sluice/base/aead';

const SUBKEY_INFO = 'ss-subkey';
const MD5_BYTES = 16;

/** Salt length of an algorithm, which is its key length (SIP004). */
export function shadowsocksSaltBytes(algorithm: AeadAlgorithm): number {
  return aeadKeyBytes(algorithm);
}

/** The master key of a password: OpenSSL's EVP_BytesToKey with MD5, one round, no salt. */
export function deriveMasterKey(algorithm: AeadAlgorithm, password: string): Buffer {
  const secret = Buffer.from(password, 'utf8');
  const key = Buffer.alloc(aeadKeyBytes(algorithm));
  let digest = Buffer.alloc(0);
  for (let offset = 0; offset < key.length; offset += MD5_BYTES) {
    digest = createHash('md5').update(digest).update(secret).digest();
    digest.copy(key, offset);
  }
  return key;
}

/** The key of one stream direction or one packet: HKDF-SHA1 over the master key (SIP004). */
export function deriveSubkey(masterKey: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha1', masterKey, salt, SUBKEY_INFO, masterKey.byteLength));
}
