import { formatIp, parseIp as parseIpText } from '@sluice/base/ip';

/** An IP literal as its 4 or 16 bytes in network order, or `undefined` when the text is not an IP. A zone is ignored. */
export function encodeIp(text: string): Uint8Array | undefined {
  const zone = text.indexOf('%');
  const address = parseIpText(zone < 0 ? text : text.slice(0, zone));
  if (address === undefined) return undefined;
  const words = address.family === 4 ? [address.value] : address.words;
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word);
  return bytes;
}

/** 4 or 16 bytes as text; IPv6 in the form of RFC 5952, IPv4-mapped IPv6 as the plain IPv4. */
export function parseIp(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return formatIp({ family: 4, value: view.getUint32(0) });
  const words = [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)] as const;
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return formatIp(isMapped ? { family: 4, value: words[3] } : { family: 6, words });
}
