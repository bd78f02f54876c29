/** An IP address as numbers: IPv4 is one unsigned 32-bit value, IPv6 four of them, most significant first. */
export type IpAddress =
  | { readonly family: 4; readonly value: number }
  | { readonly family: 6; readonly words: Ipv6Words };
export type Ipv6Words = readonly [number, number, number, number];

/** An address with a prefix length; `text` is the canonical form with the host bits as they were written. */
export type Cidr = { readonly address: IpAddress; readonly prefixLength: number; readonly text: string };

/**
 * `a.b.c.d`, the part of `text` from `start` to `end`, as an unsigned 32-bit number, or -1 when it is anything else (leading
 * zeros included).
 */
export function parseIpv4(text: string, start = 0, end = text.length): number {
  const length = end - start;
  if (length < 7 || length > 15) return -1;
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === 46) {
      if (octet < 0 || dots === 3) return -1;
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else {
      const digit = code - 48;
      if (digit < 0 || digit > 9 || octet === 0) return -1;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return -1;
    }
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1;
}

/**
 * An IPv6 literal (RFC 4291 §2.2, an IPv4 tail allowed, no zone, no brackets) as four words written to `words`;
 * false when it is anything else, and then `words` holds rubbish.
 */
export function parseIpv6Into(text: string, words: Uint32Array | number[]): boolean {
  if (text.length < 2 || text.length > 45) return false;
  const groups: number[] = [];
  let gapAt = -1;
  let index = 0;
  if (text.startsWith('::')) {
    gapAt = 0;
    index = 2;
  }
  while (index < text.length) {
    if (groups.length === 8) return false;
    let group = 0;
    let digits = 0;
    const start = index;
    for (; index < text.length; index++) {
      const digit = hexDigit(text.charCodeAt(index));
      if (digit < 0) break;
      group = group * 16 + digit;
      if (++digits > 4) return false;
    }
    if (text.charCodeAt(index) === 46) {
      const tail = parseIpv4(text.slice(start));
      if (tail < 0 || groups.length > 6) return false;
      groups.push(tail >>> 16, tail & 0xffff);
      break;
    }
    if (digits === 0) return false;
    groups.push(group);
    if (index === text.length) break;
    if (text.charCodeAt(index) !== 58) return false;
    index++;
    if (text.charCodeAt(index) === 58) {
      if (gapAt >= 0) return false;
      gapAt = groups.length;
      index++;
    } else if (index === text.length) return false;
  }
  if (gapAt < 0 ? groups.length !== 8 : groups.length > 7) return false;
  const gap = 8 - groups.length;
  for (let word = 0; word < 4; word++) {
    const high = groupAt(groups, gapAt, gap, word * 2);
    words[word] = high * 65_536 + groupAt(groups, gapAt, gap, word * 2 + 1);
  }
  return true;
}

function groupAt(groups: readonly number[], gapAt: number, gap: number, position: number): number {
  if (gapAt < 0 || position < gapAt) return groups[position] ?? 0;
  return position < gapAt + gap ? 0 : (groups[position - gap] ?? 0);
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** An IPv4 or IPv6 literal without zone or brackets; `undefined` when it is neither. An IPv4-mapped IPv6 stays IPv6. */
export function parseIp(text: string): IpAddress | undefined {
  const value = parseIpv4(text);
  if (value >= 0) return { family: 4, value };
  const words: [number, number, number, number] = [0, 0, 0, 0];
  return parseIpv6Into(text, words) ? { family: 6, words } : undefined;
}

/** The canonical text: dotted decimal, or RFC 5952 for IPv6. */
export function formatIp(address: IpAddress): string {
  if (address.family === 4) return formatIpv4(address.value);
  const [first, second, third, fourth] = address.words;
  if (first === 0 && second === 0 && third === 0xffff) return `::ffff:${formatIpv4(fourth)}`;
  const groups = address.words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const gap = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (gap === undefined) return hex.join(':');
  return `${hex.slice(0, gap.start).join(':')}::${hex.slice(gap.start + gap.length).join(':')}`;
}

function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

function longestZeroRun(
  groups: readonly number[],
): { readonly start: number; readonly length: number } | undefined {
  let best: { start: number; length: number } | undefined;
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > 1 && length > (best?.length ?? 0)) best = { start, length };
    start += length;
  }
  return best;
}

/** `address/length`; the mask is mandatory and has no leading zeros. `undefined` when it is anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const prefixLength = parseLength(text, slash + 1);
  if (address === undefined || prefixLength < 0 || prefixLength > (address.family === 4 ? 32 : 128))
    return undefined;
  // There is only one way to write an IPv4 prefix, so its text is canonical already.
  return {
    address,
    prefixLength,
    text: address.family === 4 ? text : `${formatIp(address)}/${prefixLength}`,
  };
}

/** The decimal number of up to three digits that fills the text from `start` on, -1 when it is anything else. */
function parseLength(text: string, start: number): number {
  const digits = text.length - start;
  if (digits < 1 || digits > 3 || (digits > 1 && text.charCodeAt(start) === 48)) return -1;
  let value = 0;
  for (let index = start; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** `value` (unsigned 32 bit) with everything after the first `bits` bits cleared; `bits` outside 0..32 is clamped. */
export function maskWord(value: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? value : (value & (-1 << (32 - bits))) >>> 0;
}

/** Whether the address lies in the prefix; families never mix. */
export function cidrContains(cidr: Cidr, address: IpAddress): boolean {
  if (cidr.address.family === 4) {
    return (
      address.family === 4 &&
      maskWord(cidr.address.value, cidr.prefixLength) === maskWord(address.value, cidr.prefixLength)
    );
  }
  if (address.family === 4) return false;
  const other = address.words;
  return cidr.address.words.every((word, index) => {
    const bits = cidr.prefixLength - index * 32;
    return maskWord(word, bits) === maskWord(other[index] ?? 0, bits);
  });
}
