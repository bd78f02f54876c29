import { isIPv4 } from 'node:net';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import { formatIp, parseIp } from '@sluice/base/ip';

/*
 * sockaddr_in  = family(2) = 2  | port(2, big-endian) | address(4) | zero(8)
 * sockaddr_in6 = family(2) = 10 | port(2, big-endian) | flow(4) | address(16) | scope(4)
 * The family is in the machine's byte order, which is little-endian wherever foreign functions are used.
 */
export const FAMILY_IPV4 = 2;
export const FAMILY_IPV6 = 10;
export const SOCKET_ADDRESS_LIMIT_BYTES = 28;

/** The `sockaddr` of an IP literal; `family` 10 turns an IPv4 literal into a mapped address. */
export function encodeSocketAddress({ host, port }: Endpoint, family: number): Uint8Array {
  const ip = parseIp(host === '' ? (family === FAMILY_IPV4 ? '0.0.0.0' : '::') : host);
  const bytes = Buffer.alloc(family === FAMILY_IPV4 ? 16 : SOCKET_ADDRESS_LIMIT_BYTES);
  bytes.writeUInt16LE(family, 0);
  bytes.writeUInt16BE(port, 2);
  if (ip?.family === 4) {
    if (family === FAMILY_IPV6) bytes.writeUInt16BE(0xffff, 18);
    bytes.writeUInt32BE(ip.value, family === FAMILY_IPV4 ? 4 : 20);
  } else if (ip !== undefined) {
    for (const [index, word] of ip.words.entries()) bytes.writeUInt32BE(word, 8 + 4 * index);
  }
  return bytes;
}

/** The address in a `sockaddr`, mapped ones as IPv4; `undefined` for other families. */
export function parseSocketAddress(bytes: Uint8Array): Endpoint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) return undefined;
  const family = view.getUint16(0, true);
  const port = view.getUint16(2);
  if (family === FAMILY_IPV4) return { host: formatIp({ family: 4, value: view.getUint32(4) }), port };
  if (family !== FAMILY_IPV6 || bytes.length < SOCKET_ADDRESS_LIMIT_BYTES - 4) return undefined;
  const words = [view.getUint32(8), view.getUint32(12), view.getUint32(16), view.getUint32(20)] as const;
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff)
    return { host: formatIp({ family: 4, value: words[3] }), port };
  return { host: unmapIp(formatIp({ family: 6, words })), port };
}

/** The address family of an IP literal, or the one that takes both for `''`. */
export function familyOf(host: string): number {
  return isIPv4(host) ? FAMILY_IPV4 : FAMILY_IPV6;
}
