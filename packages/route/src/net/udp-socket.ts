import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import {
  type DatagramHandlers,
  type DatagramSocket,
  datagramEngine,
} from '@sluice/core/native/datagram-engine';
import { type NativeSockets, nativeSockets } from '@sluice/core/native/native-sockets';
import { FAMILY_IPV4, FAMILY_IPV6 } from '@sluice/core/native/socket-address';
import { IPV6_ONLY, LEVEL_IPV6 } from '@sluice/core/native/socket-constants';
import { type ConnectSettings, warnOnce } from './connect.ts';
import { addressOf, applyTo, optionsFor, type SocketOptions } from './socket-options.ts';

/**
 * A datagram socket to send to `ip` with; `own` are the options of the outbound.
 * @throws GatewayError `native.socket`, `route.interface`
 */
export function openUdpTo(ip: string, settings: ConnectSettings, own: Partial<SocketOptions>): dgram.Socket {
  return openUdpSocket(isIPv6(ip) ? 6 : 4, socketOptions(ip, settings, own), (text) =>
    warnOnce(settings, text),
  );
}

/**
 * As `openUdpTo`, with the engine that moves many datagrams at once.
 * @throws GatewayError `native.socket`, `route.interface`
 */
export function openDatagramsTo(
  ip: string,
  settings: ConnectSettings,
  own: Partial<SocketOptions>,
  handlers: DatagramHandlers,
): DatagramSocket {
  const engine = datagramEngine();
  const family = isIPv6(ip) ? 6 : 4;
  const options = socketOptions(ip, settings, own);
  if (options === undefined) return engine.open(family, '', handlers);
  const warn = (text: string) => warnOnce(settings, text);
  const native = nativeSockets();
  if (native.available)
    return engine.adopt(boundUdp(native.sockets, family, options, warn), family, handlers);
  if (options.routingMark !== 0) warn(`routing-mark has no effect: ${native.reason}`);
  const { interfaceName } = options;
  const host = interfaceName === '' ? '' : addressOf(interfaceName, family === 6 ? '::' : '');
  return engine.open(family, host, handlers);
}

/** What is wanted of a datagram socket; `undefined` for an ordinary one. */
function socketOptions(
  ip: string,
  settings: ConnectSettings,
  own: Partial<SocketOptions>,
): SocketOptions | undefined {
  const options = optionsFor(ip, own, settings.socketOptions?.());
  const plain = options === undefined || (options.interfaceName === '' && options.routingMark === 0);
  return plain ? undefined : options;
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
  const native = nativeSockets();
  const fd =
    options !== undefined && native.available ? boundUdp(native.sockets, family, options, warn) : undefined;
  const socket = dgram.createSocket(isIpv6 ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  if (options === undefined) return socket;
  if (fd !== undefined) {
    socket.bind({ fd });
    return socket;
  }
  if (!native.available && options.routingMark !== 0) warn(`routing-mark has no effect: ${native.reason}`);
  const { interfaceName } = options;
  if (interfaceName !== '') socket.bind({ port: 0, address: addressOf(interfaceName, isIpv6 ? '::' : '') });
  return socket;
}

/** The descriptor of a datagram socket with its options, bound to a port of the system's choice. */
function boundUdp(
  sockets: NativeSockets,
  family: 4 | 6,
  options: SocketOptions,
  warn: (text: string) => void,
): number {
  const nativeFamily = family === 6 ? FAMILY_IPV6 : FAMILY_IPV4;
  const fd = sockets.open(nativeFamily, 'datagram');
  try {
    if (family === 6) sockets.setOption(fd, LEVEL_IPV6, IPV6_ONLY, 1, 'IPV6_V6ONLY');
    applyTo(sockets, fd, options, warn);
    sockets.bind(fd, nativeFamily, { host: '', port: 0 });
    return fd;
  } catch (error) {
    sockets.close(fd);
    throw error;
  }
}
