import net, { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { errorText, GatewayError } from '@sluice/base/errors';
import { type NativeSockets, nativeSockets } from '@sluice/core/native/native-sockets';
import { familyOf } from '@sluice/core/native/socket-address';
import {
  LEVEL_SOCKET,
  LEVEL_TCP,
  PROTOCOL_MPTCP,
  SO_MARK,
  TCP_FAST_OPEN_CONNECT,
} from '@sluice/core/native/socket-constants';

/** What the configuration wants of an outgoing socket; `''` and 0 leave it to the system. */
export type SocketOptions = {
  readonly interfaceName: string;
  readonly routingMark: number;
  readonly tfo?: boolean;
  readonly mptcp?: boolean;
};

/** Options for one destination: those of the outbound win, and near destinations get none. */
export function optionsFor(
  ip: string,
  own: Partial<SocketOptions> | undefined,
  global: Pick<SocketOptions, 'interfaceName' | 'routingMark'> | undefined,
): SocketOptions | undefined {
  const interfaceName = own?.interfaceName || global?.interfaceName || '';
  const routingMark = own?.routingMark || global?.routingMark || 0;
  const tfo = own?.tfo === true;
  const mptcp = own?.mptcp === true;
  const placed = (interfaceName !== '' || routingMark !== 0) && isGlobalUnicast(ip);
  if (placed) return { interfaceName, routingMark, tfo, mptcp };
  return tfo || mptcp ? { interfaceName: '', routingMark: 0, tfo, mptcp } : undefined;
}

/** Loopback, link-local, multicast and unspecified addresses are reached without leaving by a particular interface. */
export function isGlobalUnicast(ip: string): boolean {
  if (isIP(ip) === 4) return !/^(0\.0\.0\.0$|127\.|169\.254\.|2(2[4-9]|3\d)\.|255\.255\.255\.255$)/.test(ip);
  return !/^(::1?$|fe[89ab]|ff)/i.test(ip);
}

/** A socket that has its options before it connects, and the local address to bind where only that is possible. */
export type PreparedSocket = { readonly socket: net.Socket; readonly localAddress?: string };

/**
 * A socket to connect to `ip`.
 * @throws GatewayError `native.socket`, `route.interface` when there is no such interface
 */
export function prepareTcp(
  ip: string,
  options: SocketOptions | undefined,
  warn: (text: string) => void,
): PreparedSocket {
  if (options === undefined) return { socket: new net.Socket({ allowHalfOpen: true }) };
  const native = nativeSockets();
  if (native.available) return { socket: nativeTcp(native.sockets, ip, options, warn) };
  if (options.routingMark !== 0) warn(`routing-mark has no effect: ${native.reason}`);
  const socket = new net.Socket({ allowHalfOpen: true });
  const { interfaceName } = options;
  return interfaceName === '' ? { socket } : { socket, localAddress: addressOf(interfaceName, ip) };
}

function nativeTcp(
  sockets: NativeSockets,
  ip: string,
  options: SocketOptions,
  warn: (text: string) => void,
): net.Socket {
  const fd = sockets.open(familyOf(ip), 'stream', options.mptcp === true ? PROTOCOL_MPTCP : 0);
  try {
    applyTo(sockets, fd, options, warn);
    if (options.tfo === true)
      optional(
        () => sockets.setOption(fd, LEVEL_TCP, TCP_FAST_OPEN_CONNECT, 1, 'TCP_FASTOPEN_CONNECT'),
        warn,
      );
    // Without `manualStart` it would be read before it is connected.
    const adopted = { fd, allowHalfOpen: true, manualStart: true, readable: true, writable: true };
    return new net.Socket(adopted);
  } catch (error) {
    sockets.close(fd);
    throw error;
  }
}

/** Interface and mark for a descriptor; a mark that the process may not set is a warning. @throws GatewayError `native.socket` */
export function applyTo(
  sockets: NativeSockets,
  fd: number,
  { interfaceName, routingMark }: SocketOptions,
  warn: (text: string) => void,
): void {
  if (interfaceName !== '') sockets.bindToDevice(fd, interfaceName);
  if (routingMark !== 0)
    optional(() => sockets.setOption(fd, LEVEL_SOCKET, SO_MARK, routingMark, 'SO_MARK'), warn);
}

function optional(set: () => void, warn: (text: string) => void): void {
  try {
    set();
  } catch (error) {
    warn(errorText(error));
  }
}

/** The address of an interface to send from, of the family of `ip`. @throws GatewayError `route.interface` */
export function addressOf(interfaceName: string, ip: string): string {
  const family = isIP(ip) === 6 ? 'IPv6' : 'IPv4';
  const found = networkInterfaces()[interfaceName]?.find(
    (each) => each.family === family && !each.address.startsWith('fe80:'),
  );
  if (found !== undefined) return found.address;
  const text = `interface ${interfaceName} has no ${family} address`;
  throw new GatewayError('unavailable', 'route.interface', text);
}
