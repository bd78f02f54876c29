import type { Duplex } from 'node:stream';
import type { Endpoint } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { encodeSocksDatagramHeader, parseSocksDatagram } from '@sluice/codec/socks/udp-header';
import type { PacketHandlers, PacketSocket } from '../outbound.ts';
import type { PacketLink, ServerPackets } from '../server-packets.ts';

/** A UDP association with a SOCKS5 relay; it ends with the TCP connection that asked for it, and the reverse. */
export async function openSocks5Udp(
  control: Duplex,
  relay: Endpoint,
  handlers: PacketHandlers,
  packets: ServerPackets,
  signal: AbortSignal,
): Promise<PacketSocket> {
  let link: PacketLink | undefined;
  let ended = false;
  const close = () => {
    ended = true;
    link?.close();
  };
  control.on('error', close).once('end', close).once('close', close);
  // Nothing is expected on the control connection; reading it is how its end is noticed.
  control.resume();
  const onPacket = (packet: Uint8Array) => {
    const datagram = readDatagram(packet);
    if (datagram !== undefined) handlers.onPacket(datagram.data, datagram.remote);
  };
  const onClose = () => {
    control.destroy();
    handlers.onClose();
  };
  link = await packets(relay, { onPacket, onClose }, signal);
  if (ended) close();
  const open = link;
  return {
    send: (data, to) => open.send(Buffer.concat([encodeSocksDatagramHeader(to), data])),
    close,
  };
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
