import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { ProtocolError } from '@sluice/base/errors';
import {
  elementBytes,
  elementContents,
  encodeBitString,
  encodeDer,
  encodeOid,
  encodeSequence,
  encodeTime,
  readChildren,
  readDer,
  TAG,
} from './der.ts';

const OID = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  rsaWithSha256: '1.2.840.113549.1.1.11',
} as const;

const TRUE = encodeDer(TAG.boolean, Buffer.of(0xff));
const VERSION_3 = encodeDer(0xa0, encodeDer(TAG.integer, Buffer.of(2)));
const CONTEXT_KEY_ID = 0x80;
const NAME_DNS = 0x82;
const NAME_IP = 0x87;
const EXTENSIONS = 0xa3;
const PRODUCT = 'Sluice';

const DAY_MS = 86_400_000;
const BACKDATE_MS = 2 * DAY_MS;
const CA_VALIDITY_MS = 3652 * DAY_MS;
/** How long a leaf is valid after its issue. */
export const LEAF_VALIDITY_MS = 43 * DAY_MS;

/** An issuer as leaves need it: the name and key identifier byte-equal to those of its certificate. */
export type Issuer = {
  readonly subjectDer: Buffer;
  /** Value of the subjectKeyIdentifier; `undefined` when the certificate has none. */
  readonly keyId: Buffer | undefined;
  readonly key: KeyObject;
};

/** A self-signed authority certificate for `key`, unique in name per key, valid for ten years from two days ago. */
export function createCaCertificate(key: KeyObject, nowMs: number): Buffer {
  const spki = publicKeyDer(key);
  const keyId = keyIdentifier(spki);
  const label = keyId.subarray(0, 4).toString('hex');
  const name = encodeName([
    [OID.organization, PRODUCT],
    [OID.commonName, `${PRODUCT} CA ${label}`],
  ]);
  return signCertificate(key, [
    name,
    encodeSequence(encodeTime(nowMs - BACKDATE_MS), encodeTime(nowMs - BACKDATE_MS + CA_VALIDITY_MS)),
    name,
    spki,
    encodeDer(
      EXTENSIONS,
      encodeSequence(
        extension(OID.basicConstraints, encodeSequence(TRUE), true),
        // keyCertSign and cRLSign: bits 5 and 6, one bit unused
        extension(OID.keyUsage, encodeDer(TAG.bitString, Buffer.of(1, 0x06)), true),
        extension(OID.subjectKeyIdentifier, encodeDer(TAG.octetString, keyId)),
      ),
    ),
  ]);
}

const LEAF_KEY_USAGE = extension(OID.keyUsage, encodeDer(TAG.bitString, Buffer.of(7, 0x80)), true);
const LEAF_EXTENDED_KEY_USAGE = extension(OID.extendedKeyUsage, encodeSequence(encodeOid(OID.serverAuth)));

/**
 * A server certificate for `names` (ASCII host names and literal IPs, at least one) over the public key `spki`. The
 * first name is the common name when it fits; wildcards are none.
 */
export function createLeafCertificate(
  issuer: Issuer,
  spki: Uint8Array,
  names: readonly [string, ...string[]],
  nowMs: number,
): Buffer {
  const [first] = names;
  const commonName = first.length < 64 && !first.startsWith('*') ? first : undefined;
  const subject = encodeName(commonName === undefined ? [] : [[OID.commonName, commonName]]);
  const alternatives = extension(
    OID.subjectAltName,
    encodeSequence(...names.map(encodeGeneralName)),
    commonName === undefined,
  );
  const extensions = [alternatives, LEAF_EXTENDED_KEY_USAGE, LEAF_KEY_USAGE];
  if (issuer.keyId !== undefined) {
    extensions.push(
      extension(OID.authorityKeyIdentifier, encodeSequence(encodeDer(CONTEXT_KEY_ID, issuer.keyId))),
    );
  }
  return signCertificate(issuer.key, [
    issuer.subjectDer,
    encodeSequence(encodeTime(nowMs - BACKDATE_MS), encodeTime(nowMs + LEAF_VALIDITY_MS)),
    subject,
    spki,
    encodeDer(EXTENSIONS, encodeSequence(...extensions)),
  ]);
}

/** `fields` are issuer, validity, subject, public key and extensions (RFC 5280 §4.1). */
function signCertificate(key: KeyObject, fields: readonly Buffer[] | readonly Uint8Array[]): Buffer {
  const algorithm =
    key.asymmetricKeyType === 'rsa'
      ? encodeSequence(encodeOid(OID.rsaWithSha256), encodeDer(TAG.null))
      : encodeSequence(encodeOid(OID.ecdsaWithSha256));
  const [issuer, ...rest] = fields as readonly [Uint8Array, ...Uint8Array[]];
  const body = encodeSequence(VERSION_3, encodeDer(TAG.integer, randomSerial()), algorithm, issuer, ...rest);
  return encodeSequence(body, algorithm, encodeBitString(sign('sha256', body, key)));
}

/** 16 random bytes that read as a positive integer of full length. */
function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  return serial;
}

function extension(oid: string, value: Uint8Array, critical = false): Buffer {
  const octets = encodeDer(TAG.octetString, value);
  return critical ? encodeSequence(encodeOid(oid), TRUE, octets) : encodeSequence(encodeOid(oid), octets);
}

function encodeName(attributes: readonly (readonly [oid: string, value: string])[]): Buffer {
  return encodeSequence(
    ...attributes.map(([oid, value]) =>
      encodeDer(TAG.set, encodeSequence(encodeOid(oid), encodeDer(TAG.utf8String, Buffer.from(value)))),
    ),
  );
}

function encodeGeneralName(name: string): Buffer {
  const family = isIP(name);
  if (family === 0) return encodeDer(NAME_DNS, Buffer.from(name, 'latin1'));
  return encodeDer(NAME_IP, family === 4 ? Buffer.from(name.split('.').map(Number)) : ipv6Bytes(name));
}

function ipv6Bytes(ip: string): Buffer {
  // The URL parser writes every form, also with an IPv4 tail, as groups of hexadecimal digits with one `::` at most.
  const groups = new URL(`http://[${ip}]`).hostname.slice(1, -1);
  const [left = '', right] = groups.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  const words = Uint16Array.from([...head, ...zeros, ...tail], (group) => Number.parseInt(group, 16));
  return Buffer.from(words.buffer).swap16();
}

/** The SubjectPublicKeyInfo of a private or public key. */
export function publicKeyDer(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** SHA-1 over the key's bit string (RFC 5280 §4.2.1.2, method 1). */
function keyIdentifier(spki: Buffer): Buffer {
  const bits = readChildren(readDer(spki))[1];
  if (bits === undefined) throw new ProtocolError('bad-der', 0);
  return createHash('sha1').update(elementContents(bits).subarray(1)).digest();
}

/** The parts of an authority's certificate that its leaves repeat. @throws ProtocolError `bad-der` */
export function readIssuerNames(certificate: Buffer): {
  readonly subjectDer: Buffer;
  readonly keyId: Buffer | undefined;
} {
  const body = readChildren(readDer(certificate))[0];
  if (body === undefined) throw new ProtocolError('bad-der', 0);
  const fields = readChildren(body);
  // Version 1 certificates have no explicit version field in front.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  if (subject === undefined) throw new ProtocolError('bad-der', body.start);
  const extensions = fields.find((field) => field.tag === EXTENSIONS);
  const list = extensions === undefined ? undefined : readChildren(extensions)[0];
  const wanted = encodeOid(OID.subjectKeyIdentifier);
  for (const item of list === undefined ? [] : readChildren(list)) {
    const parts = readChildren(item);
    const [oid] = parts;
    const value = parts[parts.length - 1];
    if (oid === undefined || value === undefined || !elementBytes(oid).equals(wanted)) continue;
    return { subjectDer: elementBytes(subject), keyId: elementContents(readDer(elementContents(value))) };
  }
  return { subjectDer: elementBytes(subject), keyId: undefined };
}
