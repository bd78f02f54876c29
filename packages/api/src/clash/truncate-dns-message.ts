const HEADER_BYTES = 12;
const TC = 0x02;
/** Bytes of a resource record after its name: type, class, TTL and length of the data. */
const RECORD_HEAD_BYTES = 10;
const QUESTION_TAIL_BYTES = 4;

/**
 * Cuts a DNS message (RFC 1035 §4.1) after the last whole record that fits, with counts and the TC flag set accordingly;
 * one that fits, or is too broken to be cut, comes back as it is.
 */
export function truncateDnsMessage(message: Uint8Array, maxBytes: number): Uint8Array {
  if (message.length <= maxBytes || message.length < HEADER_BYTES) return message;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at: number | undefined = HEADER_BYTES;
  for (let question = view.getUint16(4); question > 0 && at !== undefined; question--) {
    at = skipName(view, at);
    if (at !== undefined) at += QUESTION_TAIL_BYTES;
  }
  if (at === undefined || at > maxBytes) return message;
  const counts = [0, 0, 0];
  for (let section = 0; section < 3; section++) {
    for (let record = view.getUint16(6 + 2 * section); record > 0; record--) {
      const end = skipRecord(view, at);
      if (end === undefined || end > maxBytes) return cut(message, at, counts);
      counts[section] = (counts[section] ?? 0) + 1;
      at = end;
    }
  }
  return message;
}

function cut(message: Uint8Array, end: number, counts: readonly number[]): Uint8Array {
  const short = message.slice(0, end);
  const view = new DataView(short.buffer);
  view.setUint8(2, view.getUint8(2) | TC);
  for (const [section, count] of counts.entries()) view.setUint16(6 + 2 * section, count);
  return short;
}

function skipRecord(view: DataView, start: number): number | undefined {
  const at = skipName(view, start);
  if (at === undefined || at + RECORD_HEAD_BYTES > view.byteLength) return undefined;
  const end = at + RECORD_HEAD_BYTES + view.getUint16(at + RECORD_HEAD_BYTES - 2);
  return end > view.byteLength ? undefined : end;
}

/** The offset behind a name: labels up to the root, or up to a compression pointer. */
function skipName(view: DataView, start: number): number | undefined {
  let at = start;
  while (at < view.byteLength) {
    const length = view.getUint8(at);
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
  return undefined;
}
