import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import { nativeSockets } from '@sluice/core/native/native-sockets';
import { FAMILY_IPV4, FAMILY_IPV6 } from '@sluice/core/native/socket-address';
import { IPV6_ONLY, LEVEL_IPV6 } from '@sluice/core/native/socket-constants';
import { type ConnectSettings, warnOnce } from './connect.ts';
import { addressOf, applyTo, optionsFor, type SocketOptions } from './socket-options.ts';

/**
 * A datagram socket to send to `ip` with; `own` are the options of the outbound.
 * @throws GatewayError `native.socket`, `route.interface`
 */
export function openUdpTo(ip: string, settings: ConnectSettings, own: Partial<SocketOptions>): dgram.Socket {
  const options = optionsFor(ip, own, settings.socketOptions?.());
  const plain = options === undefined || (options.interfaceName === '' && options.routingMark === 0);
  return openUdpSocket(isIPv6(ip) ? 6 : 4, plain ? undefined : options, (text) => warnOnce(settings, text));
}

/**
 * A datagram socket that leaves by an interface or with a mark and is bound already, so that `listening` has passed;
 * `options` undefined gives an ordinary one that binds when it first sends.
 * @throws GatewayError `native.socket`, `route.interface`
 */
function openUdpSocket(
  family: 4 | 6,
  options: SocketOptions | undefined,
  warn: (text: string) => void,
): dgram.Socket {
  const isIpv6 = family === 6;
  const socket = dgram.createSocket(isIpv6 ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  if (options === undefined) return socket;
  const native = nativeSockets();
  if (!native.available) {
    if (options.routingMark !== 0) warn(`routing-mark has no effect: ${native.reason}`);
    const { interfaceName } = options;
    if (interfaceName !== '') socket.bind({ port: 0, address: addressOf(interfaceName, isIpv6 ? '::' : '') });
    return socket;
  }
  const { sockets } = native;
  const nativeFamily = isIpv6 ? FAMILY_IPV6 : FAMILY_IPV4;
  const fd = sockets.open(nativeFamily, 'datagram');
  try {
    if (isIpv6) sockets.setOption(fd, LEVEL_IPV6, IPV6_ONLY, 1, 'IPV6_V6ONLY');
    applyTo(sockets, fd, options, warn);
    sockets.bind(fd, nativeFamily, { host: '', port: 0 });
    socket.bind({ fd });
    return socket;
  } catch (error) {
    sockets.close(fd);
    socket.close();
    throw error;
  }
}
