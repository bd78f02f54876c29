import { ProtocolError } from '@sluice/base/errors';

/*
 * name    = label* (0 | pointer)                                  (RFC 1035 §3.1, §4.1.4)
 * label   = length(1) = 1..63 | bytes
 * pointer = 11 | offset(14): the rest of the name is at that offset of the message
 */
const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
const POINTER = 0xc0;
const DOT = 46;
const BACKSLASH = 92;

/** A name of a message as text: labels joined by dots without a trailing one, `''` for the root; `end` is the offset behind it. */
export type NameAt = { readonly text: string; readonly end: number; readonly compressed: boolean };

/** Labels of at most 255 bytes, each byte at most four characters long when escaped. */
const scratch = Buffer.alloc(MAX_NAME_BYTES * 4);

/**
 * Reads the name at `offset`, following compression pointers, which must lead backwards. Dots and backslashes inside labels
 * and unprintable bytes come escaped as in zone files (RFC 1035 §5.1). With `lowerCase` ASCII letters are lowered.
 * @throws ProtocolError `truncated`, `bad-label`, `bad-pointer`, `name-too-long`
 */
export function readName(bytes: Uint8Array, offset: number, lowerCase: boolean): NameAt {
  let at = offset;
  let earliest = offset;
  let end = -1;
  let nameBytes = 1;
  let written = 0;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new ProtocolError('truncated', at);
    if (length === 0) break;
    if (length >= POINTER) {
      const target = pointerAt(bytes, at, earliest);
      if (end < 0) end = at + 2;
      earliest = target;
      at = target;
      continue;
    }
    if (length > MAX_LABEL_BYTES) throw new ProtocolError('bad-label', at);
    nameBytes += 1 + length;
    if (nameBytes > MAX_NAME_BYTES) throw new ProtocolError('name-too-long', at);
    const labelEnd = at + 1 + length;
    if (labelEnd > bytes.length) throw new ProtocolError('truncated', bytes.length);
    if (written > 0) scratch[written++] = DOT;
    for (at++; at < labelEnd; at++) {
      const byte = bytes[at] as number;
      if (byte > 32 && byte < 127 && byte !== DOT && byte !== BACKSLASH)
        scratch[written++] = lowerCase && byte >= 65 && byte <= 90 ? byte + 32 : byte;
      else written = writeEscaped(byte, written);
    }
  }
  return { text: scratch.toString('latin1', 0, written), end: end < 0 ? at + 1 : end, compressed: end >= 0 };
}

function writeEscaped(byte: number, at: number): number {
  scratch[at] = BACKSLASH;
  if (byte === DOT || byte === BACKSLASH) {
    scratch[at + 1] = byte;
    return at + 2;
  }
  scratch.write(String(byte).padStart(3, '0'), at + 1, 'latin1');
  return at + 4;
}

/** The offset behind the name at `offset`, without following it. @throws ProtocolError `truncated`, `bad-label` */
export function skipName(bytes: Uint8Array, offset: number): number {
  for (let at = offset; ; ) {
    const length = bytes[at];
    if (length === undefined) throw new ProtocolError('truncated', at);
    if (length === 0) return at + 1;
    if (length >= POINTER) {
      if (at + 2 > bytes.length) throw new ProtocolError('truncated', at);
      return at + 2;
    }
    if (length > MAX_LABEL_BYTES || at - offset > MAX_NAME_BYTES) throw new ProtocolError('bad-label', at);
    at += 1 + length;
  }
}

/** The name at `offset` in wire form without compression. @throws ProtocolError as `readName` */
export function readWireName(bytes: Uint8Array, offset: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = offset;
  let earliest = offset;
  let total = 1;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new ProtocolError('truncated', at);
    if (length === 0) break;
    if (length >= POINTER) {
      at = earliest = pointerAt(bytes, at, earliest);
      continue;
    }
    if (length > MAX_LABEL_BYTES) throw new ProtocolError('bad-label', at);
    total += 1 + length;
    if (total > MAX_NAME_BYTES) throw new ProtocolError('name-too-long', at);
    if (at + 1 + length > bytes.length) throw new ProtocolError('truncated', bytes.length);
    parts.push(bytes.subarray(at, at + 1 + length));
    at += 1 + length;
  }
  parts.push(ROOT);
  return parts.length === 1 ? ROOT : Buffer.concat(parts, total);
}

/** The root name in wire form. */
export const ROOT = new Uint8Array(1);

/** Every jump goes below all places that were read before, so that no loop can form. */
function pointerAt(bytes: Uint8Array, at: number, earliest: number): number {
  const low = bytes[at + 1];
  if (low === undefined) throw new ProtocolError('truncated', at);
  const target = (((bytes[at] as number) & 0x3f) << 8) | low;
  if (target >= earliest) throw new ProtocolError('bad-pointer', at);
  return target;
}

/**
 * Presentation form (a trailing dot is optional, escapes are understood, `''` and `.` are the root) to wire form.
 * @throws ProtocolError `bad-label`, `name-too-long`, `bad-escape`
 */
export function encodeName(text: string): Uint8Array {
  if (text === '' || text === '.') return ROOT;
  const wire = Buffer.allocUnsafe(MAX_NAME_BYTES + 1);
  let lengthAt = 0;
  let at = 1;
  for (let index = 0; index < text.length; index++) {
    let code = text.charCodeAt(index);
    if (code === DOT) {
      wire[lengthAt] = checkedLabel(at - lengthAt - 1, index);
      lengthAt = at++;
    } else {
      if (code === BACKSLASH) {
        const digits = /^\d{3}/.exec(text.slice(index + 1, index + 4))?.[0];
        code = digits === undefined ? text.charCodeAt(index + 1) : Number(digits);
        index += digits?.length ?? 1;
        if (Number.isNaN(code)) throw new ProtocolError('bad-escape', index);
      }
      if (code > 255) throw new ProtocolError('bad-label', index);
      wire[at++] = code;
    }
    if (at > MAX_NAME_BYTES) throw new ProtocolError('name-too-long', index);
  }
  if (at - lengthAt > 1) {
    wire[lengthAt] = checkedLabel(at - lengthAt - 1, text.length);
    lengthAt = at++;
    if (at > MAX_NAME_BYTES) throw new ProtocolError('name-too-long', text.length);
  }
  wire[lengthAt] = 0;
  return wire.subarray(0, lengthAt + 1);
}

function checkedLabel(length: number, index: number): number {
  if (length < 1 || length > MAX_LABEL_BYTES) throw new ProtocolError('bad-label', index);
  return length;
}
