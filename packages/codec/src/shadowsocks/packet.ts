import type { Endpoint } from '@sluice/base/address';
import { AEAD_TAG_BYTES } from '@sluice/base/aead';
import { ProtocolError } from '@sluice/base/errors';
import { encodeSocksAddress, parseSocksAddress } from '../socks/address.ts';
import { deriveSubkey, shadowsocksSaltBytes } from './keys.ts';
import type { ShadowsocksCipher } from './stream.ts';

/** One datagram to (client side) or from (server's answer) `remote`. */
export type ShadowsocksDatagram = { readonly remote: Endpoint; readonly data: Uint8Array };

/** `salt ‖ AEAD(SOCKS address ‖ data)` with nonce 0; `salt` is random and fresh for each packet (SIP004). */
export function sealShadowsocksPacket(
  cipher: ShadowsocksCipher,
  salt: Uint8Array,
  datagram: ShadowsocksDatagram,
): Buffer {
  const address = encodeSocksAddress(datagram.remote);
  const start = salt.byteLength;
  const length = address.byteLength + datagram.data.byteLength;
  const packet = Buffer.allocUnsafe(start + length + AEAD_TAG_BYTES);
  packet.set(salt);
  packet.set(address, start);
  packet.set(datagram.data, start + address.byteLength);
  const sealer = cipher.aead.sealer(cipher.algorithm, deriveSubkey(cipher.masterKey, salt));
  try {
    sealer.seal(packet, start, length, packet, start);
  } finally {
    sealer.close();
  }
  return packet;
}

/**
 * The datagram in a packet; `data` is a view on new memory.
 * @throws ProtocolError `truncated`, `wrong-tag`, or what the address is wrong with
 */
export function openShadowsocksPacket(cipher: ShadowsocksCipher, packet: Uint8Array): ShadowsocksDatagram {
  const start = shadowsocksSaltBytes(cipher.algorithm);
  const length = packet.byteLength - start - AEAD_TAG_BYTES;
  if (length <= 0) throw new ProtocolError('truncated', packet.byteLength);
  const plain = Buffer.allocUnsafe(length);
  const opener = cipher.aead.opener(
    cipher.algorithm,
    deriveSubkey(cipher.masterKey, packet.subarray(0, start)),
  );
  try {
    if (!opener.open(packet, start, length, plain, 0)) throw new ProtocolError('wrong-tag', start);
  } finally {
    opener.close();
  }
  const address = parseSocksAddress(plain);
  if (address === undefined) throw new ProtocolError('truncated', packet.byteLength);
  return { remote: address.value, data: plain.subarray(address.sizeBytes) };
}
