import { randomBytes } from 'node:crypto';
import type { Endpoint } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { shadowsocksSaltBytes } from '@sluice/codec/shadowsocks/keys';
import { openShadowsocksPacket, sealShadowsocksPacket } from '@sluice/codec/shadowsocks/packet';
import type { ShadowsocksCipher } from '@sluice/codec/shadowsocks/stream';
import type { PacketHandlers, PacketSocket } from '../outbound.ts';
import type { ServerPackets } from '../server-packets.ts';

/** A UDP association with a Shadowsocks server. */
export async function openShadowsocksUdp(
  cipher: ShadowsocksCipher,
  server: Endpoint,
  handlers: PacketHandlers,
  packets: ServerPackets,
  signal: AbortSignal,
): Promise<PacketSocket> {
  const saltBytes = shadowsocksSaltBytes(cipher.algorithm);
  const onPacket = (packet: Uint8Array) => {
    const datagram = readPacket(cipher, packet);
    if (datagram !== undefined) handlers.onPacket(datagram.data, datagram.remote);
  };
  const link = await packets(server, { onPacket, onClose: handlers.onClose }, signal);
  return {
    send: (data, remote) =>
      link.send(sealShadowsocksPacket(cipher, randomBytes(saltBytes), { remote, data })),
    close: () => link.close(),
  };
}

/** A packet that does not open is dropped like a lost one. */
function readPacket(cipher: ShadowsocksCipher, packet: Uint8Array) {
  try {
    return openShadowsocksPacket(cipher, packet);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
