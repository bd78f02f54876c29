import type { Endpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import { type NativeSockets, nativeSockets } from '@sluice/core/native/native-sockets';
import { FAMILY_IPV6, familyOf } from '@sluice/core/native/socket-address';
import {
  IP_ORIGINAL_DESTINATION,
  IP_RECEIVE_TOS,
  IP_TRANSPARENT,
  IPV6_ONLY,
  IPV6_ORIGINAL_DESTINATION,
  IPV6_RECEIVE_TRAFFIC_CLASS,
  IPV6_TRANSPARENT,
  LEVEL_IP,
  LEVEL_IPV6,
  LEVEL_SOCKET,
  LEVEL_TCP,
  PROTOCOL_MPTCP,
  SO_MARK,
  SO_REUSEADDR,
  SO_REUSEPORT,
  TCP_FAST_OPEN,
} from '@sluice/core/native/socket-constants';

/** What a listening socket needs that Node's own do not offer. */
export type ListenerOptions = {
  /** Accepts what was sent to other addresses. */
  readonly transparent: boolean;
  readonly fastOpen: boolean;
  readonly multipath: boolean;
  /** 0 for none. */
  readonly routingMark: number;
};

const FAST_OPEN_QUEUE = 256;
const BACKLOG = 4_096;

/** True when a listener can be one of Node's own. */
export function isPlain({ transparent, fastOpen, multipath, routingMark }: ListenerOptions): boolean {
  return !transparent && !fastOpen && !multipath && routingMark === 0;
}

/**
 * The system's sockets.
 * @throws GatewayError `route.native` with the reason why there are none
 */
export function requireNative(): NativeSockets {
  const native = nativeSockets();
  if (native.available) return native.sockets;
  throw new GatewayError('unavailable', 'route.native', native.reason);
}

/**
 * A listening descriptor for Node to adopt.
 * @throws GatewayError `native.socket`, for example when a capability is missing
 */
export function listenWithOptions(sockets: NativeSockets, place: Endpoint, options: ListenerOptions): number {
  const family = familyOf(place.host);
  const fd = sockets.open(family, 'stream', options.multipath ? PROTOCOL_MPTCP : 0);
  try {
    sockets.setOption(fd, LEVEL_SOCKET, SO_REUSEADDR, 1, 'SO_REUSEADDR');
    setCommon(sockets, fd, family, place, options);
    if (options.fastOpen) sockets.setOption(fd, LEVEL_TCP, TCP_FAST_OPEN, FAST_OPEN_QUEUE, 'TCP_FASTOPEN');
    sockets.bind(fd, family, place);
    sockets.listen(fd, BACKLOG);
    return fd;
  } catch (error) {
    sockets.close(fd);
    throw error;
  }
}

/**
 * A datagram descriptor that receives what was sent anywhere, and is told where and how.
 * @throws GatewayError `native.socket`
 */
export function bindTransparentUdp(sockets: NativeSockets, place: Endpoint): number {
  const family = familyOf(place.host);
  const fd = sockets.open(family, 'datagram');
  try {
    sockets.setOption(fd, LEVEL_SOCKET, SO_REUSEADDR, 1, 'SO_REUSEADDR');
    setCommon(sockets, fd, family, place, { transparent: true, routingMark: 0 });
    sockets.setOption(fd, LEVEL_IP, IP_ORIGINAL_DESTINATION, 1, 'IP_RECVORIGDSTADDR');
    sockets.setOption(fd, LEVEL_IP, IP_RECEIVE_TOS, 1, 'IP_RECVTOS');
    if (family === FAMILY_IPV6) {
      sockets.setOption(fd, LEVEL_IPV6, IPV6_ORIGINAL_DESTINATION, 1, 'IPV6_RECVORIGDSTADDR');
      sockets.setOption(fd, LEVEL_IPV6, IPV6_RECEIVE_TRAFFIC_CLASS, 1, 'IPV6_RECVTCLASS');
    }
    sockets.bind(fd, family, place);
    return fd;
  } catch (error) {
    sockets.close(fd);
    throw error;
  }
}

/**
 * A datagram descriptor bound to an address that is not of this machine, to answer in its name.
 * @throws GatewayError `native.socket`
 */
export function bindForeignUdp(sockets: NativeSockets, address: Endpoint): number {
  const family = familyOf(address.host);
  const fd = sockets.open(family, 'datagram');
  try {
    sockets.setOption(fd, LEVEL_SOCKET, SO_REUSEADDR, 1, 'SO_REUSEADDR');
    sockets.setOption(fd, LEVEL_SOCKET, SO_REUSEPORT, 1, 'SO_REUSEPORT');
    setCommon(sockets, fd, family, address, { transparent: true, routingMark: 0 });
    sockets.bind(fd, family, address);
    return fd;
  } catch (error) {
    sockets.close(fd);
    throw error;
  }
}

function setCommon(
  sockets: NativeSockets,
  fd: number,
  family: number,
  place: Endpoint,
  { transparent, routingMark }: Pick<ListenerOptions, 'transparent' | 'routingMark'>,
): void {
  if (family === FAMILY_IPV6)
    sockets.setOption(fd, LEVEL_IPV6, IPV6_ONLY, place.host === '' ? 0 : 1, 'IPV6_V6ONLY');
  if (transparent) {
    sockets.setOption(fd, LEVEL_IP, IP_TRANSPARENT, 1, 'IP_TRANSPARENT');
    if (family === FAMILY_IPV6) sockets.setOption(fd, LEVEL_IPV6, IPV6_TRANSPARENT, 1, 'IPV6_TRANSPARENT');
  }
  if (routingMark !== 0) sockets.setOption(fd, LEVEL_SOCKET, SO_MARK, routingMark, 'SO_MARK');
}
