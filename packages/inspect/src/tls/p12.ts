import { createHash, createHmac, randomBytes } from 'node:crypto';
import { encodeDer, encodeOid, encodeSequence, TAG } from './der.ts';

const OID = {
  data: '1.2.840.113549.1.7.1',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  sha1: '1.3.14.3.2.26',
} as const;

const EXPLICIT_0 = 0xa0;
const MAC_KEY = 3;
const MAC_ITERATIONS = 2048;
const MAC_SALT_BYTES = 8;
const SHA1_BLOCK_BYTES = 64;

/** A PKCS #12 file (RFC 7292) with one certificate, no key and an empty password; SHA-1 because old devices know no other. */
export function encodeCertificateP12(certificate: Buffer): Buffer {
  const bag = encodeSequence(
    encodeOid(OID.certBag),
    encodeDer(
      EXPLICIT_0,
      encodeSequence(
        encodeOid(OID.x509Certificate),
        encodeDer(EXPLICIT_0, encodeDer(TAG.octetString, certificate)),
      ),
    ),
  );
  const safe = encodeSequence(dataContent(encodeSequence(bag)));
  const salt = randomBytes(MAC_SALT_BYTES);
  const mac = createHmac('sha1', macKey(salt)).update(safe).digest();
  const macData = encodeSequence(
    encodeSequence(encodeSequence(encodeOid(OID.sha1), encodeDer(TAG.null)), encodeDer(TAG.octetString, mac)),
    encodeDer(TAG.octetString, salt),
    encodeDer(TAG.integer, Buffer.of(MAC_ITERATIONS >> 8, MAC_ITERATIONS & 0xff)),
  );
  return encodeSequence(encodeDer(TAG.integer, Buffer.of(3)), dataContent(safe), macData);
}

function dataContent(contents: Buffer): Buffer {
  return encodeSequence(encodeOid(OID.data), encodeDer(EXPLICIT_0, encodeDer(TAG.octetString, contents)));
}

/** RFC 7292 appendix B.2 for one SHA-1 block of output and the empty password, which is one zero 16-bit character. */
function macKey(salt: Buffer): Buffer {
  const diversifier = Buffer.alloc(SHA1_BLOCK_BYTES, MAC_KEY);
  let digest = createHash('sha1')
    .update(diversifier)
    .update(Buffer.alloc(SHA1_BLOCK_BYTES, salt))
    .update(Buffer.alloc(SHA1_BLOCK_BYTES))
    .digest();
  for (let round = 1; round < MAC_ITERATIONS; round++) digest = createHash('sha1').update(digest).digest();
  return digest;
}
