import { ProtocolError } from '@sluice/base/errors';

/*
 * element = tag(1) | length(1, or 0x80+n followed by n bytes) | contents     (X.690 §8.1, distinguished form)
 */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element with the given tag around its concatenated contents. */
export function encodeDer(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of contents) length += part.length;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), ...contents], header.length + length);
}

export function encodeSequence(...contents: readonly Uint8Array[]): Buffer {
  return encodeDer(TAG.sequence, ...contents);
}

/** An object identifier from its dotted form. */
export function encodeOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return encodeDer(TAG.oid, Buffer.from(bytes));
}

/** A point in time, as UTCTime up to 2049 and GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function encodeTime(timeMs: number): Buffer {
  const digits = new Date(timeMs).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  if (Number(digits.slice(0, 4)) < 2050) return encodeDer(TAG.utcTime, Buffer.from(`${digits.slice(2)}Z`));
  return encodeDer(TAG.generalizedTime, Buffer.from(`${digits}Z`));
}

/** A bit string whose bits fill whole bytes. */
export function encodeBitString(bytes: Uint8Array): Buffer {
  return encodeDer(TAG.bitString, Buffer.of(0), bytes);
}

/** One element inside `bytes`: where it starts, where its contents start, and where it ends. */
export type DerElement = {
  readonly bytes: Buffer;
  readonly tag: number;
  readonly start: number;
  readonly contents: number;
  readonly end: number;
};

/** Reads the element at `start`. @throws ProtocolError `bad-der` */
export function readDer(bytes: Buffer, start = 0, limit = bytes.length): DerElement {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) throw new ProtocolError('bad-der', start);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 3 || first === 0x80 || start + 2 + lengthBytes > limit)
    throw new ProtocolError('bad-der', start);
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(start + 2, lengthBytes);
  const contents = start + 2 + lengthBytes;
  if (contents + length > limit) throw new ProtocolError('bad-der', start);
  return { bytes, tag, start, contents, end: contents + length };
}

/** The elements inside a constructed element. @throws ProtocolError `bad-der` */
export function readChildren(parent: DerElement): readonly DerElement[] {
  const children: DerElement[] = [];
  for (let at = parent.contents; at < parent.end; ) {
    const child = readDer(parent.bytes, at, parent.end);
    children.push(child);
    at = child.end;
  }
  return children;
}

/** The whole element, header included. */
export function elementBytes(element: DerElement): Buffer {
  return element.bytes.subarray(element.start, element.end);
}

/** The element's contents. */
export function elementContents(element: DerElement): Buffer {
  return element.bytes.subarray(element.contents, element.end);
}

/** DER in a PEM envelope (RFC 7468). */
export function toPem(der: Buffer, label = 'CERTIFICATE'): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
