import { isIP } from 'node:net';

/** An IP literal as its 4 or 16 bytes in network order, or `undefined` when the text is not an IP. A zone is ignored. */
export function encodeIp(text: string): Uint8Array | undefined {
  const zone = text.indexOf('%');
  const ip = zone < 0 ? text : text.slice(0, zone);
  switch (isIP(ip)) {
    case 4:
      return Uint8Array.from(ip.split('.'), Number);
    case 6:
      return encodeIpv6(ip);
    default:
      return undefined;
  }
}

function encodeIpv6(ip: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [head = '', tail] = ip.split('::');
  const headGroups = groupsOf(head);
  const tailGroups = tail === undefined ? [] : groupsOf(tail);
  for (const [index, group] of headGroups.entries()) writeGroup(bytes, index, group);
  for (const [index, group] of tailGroups.entries()) writeGroup(bytes, 8 - tailGroups.length + index, group);
  return bytes;
}

function writeGroup(bytes: Uint8Array, index: number, group: number): void {
  bytes[index * 2] = group >> 8;
  bytes[index * 2 + 1] = group & 0xff;
}

function groupsOf(text: string): number[] {
  const groups: number[] = [];
  for (const part of text === '' ? [] : text.split(':')) {
    if (part.includes('.')) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
      groups.push((a << 8) | b, (c << 8) | d);
    } else {
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** 4 or 16 bytes as text; IPv6 in the form of RFC 5952, IPv4-mapped IPv6 as the plain IPv4. */
export function parseIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (isMapped(bytes)) return bytes.subarray(12).join('.');
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0),
  );
  const gap = longestZeroRun(groups);
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return gap.length < 2 ? text(0, 8) : `${text(0, gap.start)}::${text(gap.start + gap.length, 8)}`;
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
}

function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] === 0) continue;
    if (index - start > best.length) best = { start, length: index - start };
    start = index + 1;
  }
  return best;
}
