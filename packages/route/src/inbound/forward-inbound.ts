import type { Socket } from 'node:net';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import { descriptorOf } from '@sluice/core/native/descriptor';
import type { NativeSockets } from '@sluice/core/native/native-sockets';
import { newFlow } from '@sluice/core/ports/flow';
import { isLocalAddress } from '../net/loopback-guard.ts';
import { flowMetadata, type InboundParts } from './inbound.ts';

/** Sends every connection to one destination. */
export async function serveTunnel(socket: Socket, parts: InboundParts, target: Endpoint): Promise<void> {
  void parts.sink.relay(flowMetadata(socket, parts, 'Tunnel', target, ''), socket);
}

/** Sends a connection that a packet filter redirected to where it was going. @throws GatewayError `route.not-redirected` */
export async function serveRedir(
  socket: Socket,
  parts: InboundParts,
  sockets: Pick<NativeSockets, 'originalDestination'>,
): Promise<void> {
  const fd = descriptorOf(socket);
  const family = unmapIp(socket.localAddress ?? '').includes(':') ? 6 : 4;
  const target = fd === undefined ? undefined : sockets.originalDestination(fd, family);
  if (target === undefined)
    throw new GatewayError('invalid', 'route.not-redirected', 'the connection was not redirected');
  void parts.sink.relay(flowMetadata(socket, parts, 'Redir', target, ''), socket);
}

/**
 * Sends a connection that was routed to this machine to where it was going, which is its local end.
 * @throws GatewayError `route.not-redirected` for one that was made to the inbound itself
 */
export async function serveTproxy(socket: Socket, parts: InboundParts, inbound: Endpoint): Promise<void> {
  const destinationIp = unmapIp(socket.localAddress ?? '');
  if (socket.localPort === inbound.port && isLocalAddress(destinationIp))
    throw new GatewayError('invalid', 'route.not-redirected', 'the connection was not redirected');
  const metadata = newFlow({
    network: 'tcp',
    type: 'TProxy',
    sourceIp: unmapIp(socket.remoteAddress ?? ''),
    sourcePort: socket.remotePort ?? 0,
    host: '',
    destinationIp,
    destinationPort: socket.localPort ?? 0,
    inboundIp: inbound.host,
    inboundPort: inbound.port,
    inboundName: parts.name,
    specialProxy: parts.specialProxy,
    specialRules: parts.specialRules,
  });
  void parts.sink.relay(metadata, socket);
}
