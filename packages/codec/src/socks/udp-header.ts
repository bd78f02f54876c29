import type { Endpoint } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { encodeSocksAddress, parseSocksAddress } from './address.ts';

/** One datagram between a SOCKS5 client and its relay: the remote end point and the user data. */
export type SocksDatagram = { readonly remote: Endpoint; readonly data: Uint8Array };

/**
 * Reads `RSV(2)=0 FRAG(1)=0 ATYP ADDR PORT DATA` (RFC 1928 §7); `data` is a view on the same memory.
 * @throws ProtocolError `socks-udp-reserved`, `socks-udp-fragment`, `truncated`, or those of the address
 */
export function parseSocksDatagram(packet: Uint8Array): SocksDatagram {
  if (packet.length < 4) throw new ProtocolError('truncated', packet.length);
  if (packet[0] !== 0 || packet[1] !== 0) throw new ProtocolError('socks-udp-reserved', 0);
  if (packet[2] !== 0) throw new ProtocolError('socks-udp-fragment', 2);
  const address = parseSocksAddress(packet, 3);
  if (address === undefined) throw new ProtocolError('truncated', packet.length);
  return { remote: address.value, data: packet.subarray(3 + address.sizeBytes) };
}

/** The header that goes before the data of one datagram. @throws ProtocolError `socks-domain` */
export function encodeSocksDatagramHeader(remote: Endpoint): Buffer {
  return Buffer.concat([Buffer.of(0, 0, 0), encodeSocksAddress(remote)]);
}
