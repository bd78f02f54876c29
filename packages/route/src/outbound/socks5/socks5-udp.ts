import type dgram from 'node:dgram';
import type { Duplex } from 'node:stream';
import type { Endpoint } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { encodeSocksDatagramHeader, parseSocksDatagram } from '@sluice/codec/socks/udp-header';
import type { PacketHandlers, PacketSocket } from '../outbound.ts';

/** A UDP association with a SOCKS5 relay; it ends with the TCP connection that asked for it, and the reverse. Owns the socket. */
export function openSocks5Udp(
  control: Duplex,
  relay: Endpoint,
  handlers: PacketHandlers,
  socket: dgram.Socket,
): Promise<PacketSocket> {
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    socket.close();
    control.destroy();
    handlers.onClose();
  };
  control.on('error', close).once('end', close).once('close', close);
  // Nothing is expected on the control connection; reading it is how its end is noticed.
  control.resume();
  socket.on('message', (packet) => {
    const datagram = readDatagram(packet);
    if (datagram !== undefined) handlers.onPacket(datagram.data, datagram.remote);
  });
  return new Promise((resolve, reject) => {
    socket.on('error', (error) => {
      close();
      reject(error);
    });
    // Connected, so that only the relay's datagrams are accepted.
    socket.once('connect', () => {
      const send = (data: Uint8Array, to: Endpoint) => {
        if (!closed) socket.send([encodeSocksDatagramHeader(to), data]);
      };
      resolve({ send, close });
    });
    socket.connect(relay.port, relay.host);
  });
}

/** A malformed datagram is dropped like a lost one. */
function readDatagram(packet: Uint8Array) {
  try {
    return parseSocksDatagram(packet);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
