import { randomBytes } from 'node:crypto';
import type dgram from 'node:dgram';
import type { Endpoint } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { shadowsocksSaltBytes } from '@sluice/codec/shadowsocks/keys';
import { openShadowsocksPacket, sealShadowsocksPacket } from '@sluice/codec/shadowsocks/packet';
import type { ShadowsocksCipher } from '@sluice/codec/shadowsocks/stream';
import type { PacketHandlers, PacketSocket } from '../outbound.ts';

/** A UDP association with a Shadowsocks server at a literal address; owns the socket. */
export function openShadowsocksUdp(
  cipher: ShadowsocksCipher,
  server: Endpoint,
  handlers: PacketHandlers,
  socket: dgram.Socket,
): Promise<PacketSocket> {
  const saltBytes = shadowsocksSaltBytes(cipher.algorithm);
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    socket.close();
    handlers.onClose();
  };
  socket.on('message', (packet) => {
    const datagram = readPacket(cipher, packet);
    if (datagram !== undefined) handlers.onPacket(datagram.data, datagram.remote);
  });
  return new Promise((resolve, reject) => {
    socket.on('error', (error) => {
      close();
      reject(error);
    });
    socket.once('connect', () => {
      const send = (data: Uint8Array, remote: Endpoint) => {
        if (!closed) socket.send(sealShadowsocksPacket(cipher, randomBytes(saltBytes), { remote, data }));
      };
      resolve({ send, close });
    });
    // Connected, so that only the server's datagrams are accepted.
    socket.connect(server.port, server.host);
  });
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
