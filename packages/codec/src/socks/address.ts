import type { Endpoint } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { encodeIp, parseIp } from './ip-bytes.ts';

/** A message found at the front of the received bytes, and how many of them it takes. */
export type Parsed<T> = { readonly value: T; readonly sizeBytes: number };

const ATYP_IPV4 = 1;
const ATYP_DOMAIN = 3;
const ATYP_IPV6 = 4;

/** The longest SOCKS address: type, length byte, 255 bytes of domain, port. */
export const SOCKS_ADDRESS_LIMIT_BYTES = 259;

/**
 * Reads `ATYP(1) ADDR PORT(2)` (RFC 1928 §5) at `offset`; `undefined` while it is incomplete. Domains come back in
 * lower case without trailing dots.
 * @throws ProtocolError `socks-address-type`, `socks-domain`
 */
export function parseSocksAddress(bytes: Uint8Array, offset = 0): Parsed<Endpoint> | undefined {
  const type = bytes[offset];
  const firstByte = bytes[offset + 1];
  if (type === undefined) return undefined;
  if (type !== ATYP_IPV4 && type !== ATYP_DOMAIN && type !== ATYP_IPV6)
    throw new ProtocolError('socks-address-type', offset);
  if (firstByte === undefined) return undefined;
  const hostAt = type === ATYP_DOMAIN ? offset + 2 : offset + 1;
  const hostBytes = type === ATYP_IPV4 ? 4 : type === ATYP_IPV6 ? 16 : firstByte;
  const portAt = hostAt + hostBytes;
  if (bytes.length < portAt + 2) return undefined;
  const raw = bytes.subarray(hostAt, portAt);
  const host = type === ATYP_DOMAIN ? domainText(raw, hostAt) : parseIp(raw);
  const port = ((bytes[portAt] ?? 0) << 8) | (bytes[portAt + 1] ?? 0);
  return { value: { host, port }, sizeBytes: portAt + 2 - offset };
}

/** Reads a domain name as it stands on the wire: printable, lower-cased, trailing dots cut. @throws ProtocolError `socks-domain` */
export function domainText(raw: Uint8Array, offset: number): string {
  for (const byte of raw) {
    if (byte <= 0x20 || byte === 0x7f) throw new ProtocolError('socks-domain', offset);
  }
  const host = Buffer.from(raw.buffer, raw.byteOffset, raw.length)
    .toString('utf8')
    .toLowerCase()
    .replace(/\.+$/, '');
  if (host === '') throw new ProtocolError('socks-domain', offset);
  return host;
}

/**
 * Writes `ATYP(1) ADDR PORT(2)`: an IP literal as an address, anything else as a domain.
 * @throws ProtocolError `socks-domain` when the host is empty or longer than 255 bytes
 */
export function encodeSocksAddress(endpoint: Endpoint): Buffer {
  const ip = encodeIp(endpoint.host);
  const port = Buffer.of((endpoint.port >> 8) & 0xff, endpoint.port & 0xff);
  if (ip !== undefined) return Buffer.concat([Buffer.of(ip.length === 4 ? ATYP_IPV4 : ATYP_IPV6), ip, port]);
  const domain = Buffer.from(endpoint.host, 'utf8');
  if (domain.length === 0 || domain.length > 255) throw new ProtocolError('socks-domain', 0);
  return Buffer.concat([Buffer.of(ATYP_DOMAIN, domain.length), domain, port]);
}
