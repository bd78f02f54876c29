/*
 * header = id(2) | flags(2) | QDCOUNT(2) | ANCOUNT(2) | NSCOUNT(2) | ARCOUNT(2)      (RFC 1035 §4.1.1)
 * flags  = QR | opcode(4) | AA | TC | RD | RA | Z | AD | CD | RCODE(4)               (RFC 4035 §3.1.6 for AD and CD)
 */
export const HEADER_BYTES = 12;
/** The longest message: TCP carries a length of 16 bits. */
export const MAX_MESSAGE_BYTES = 65_535;

export const DNS_FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

/** The big-endian number at `offset`; 0 for what is missing. */
export function u16At(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

export function u32At(bytes: Uint8Array, offset: number): number {
  return u16At(bytes, offset) * 65_536 + u16At(bytes, offset + 2);
}

export function setU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

export function setU32(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset, value >>> 16);
  setU16(bytes, offset + 2, value);
}

/** The response code of the header, without the extension of EDNS. */
export function messageRcode(bytes: Uint8Array): number {
  return (bytes[3] ?? 0) & 15;
}

/** Whether the truncation flag is set. */
export function isTruncated(bytes: Uint8Array): boolean {
  return (u16At(bytes, 2) & DNS_FLAG.TC) !== 0;
}

/** A copy of the message with another id. */
export function withId(bytes: Uint8Array, id: number): Buffer {
  const copy = Buffer.from(bytes);
  setU16(copy, 0, id);
  return copy;
}
