import type { Socket } from 'node:net';
import { nativeSockets } from '@sluice/core/native/native-sockets';
import {
  LEVEL_SOCKET,
  LEVEL_TCP,
  SO_KEEPALIVE,
  TCP_KEEP_IDLE,
  TCP_KEEP_INTERVAL,
  TCP_NODELAY,
} from '@sluice/core/native/socket-constants';

/** Probes of idle TCP connections. */
export type KeepAlive = { readonly enabled: boolean; readonly idleMs: number; readonly intervalMs: number };

const DEFAULT_SECONDS = 15;

/** What the configuration's keys mean: 0 is 15 seconds. */
export function keepAliveOf(keys: {
  readonly keepAliveIdleSeconds: number;
  readonly keepAliveIntervalSeconds: number;
  readonly disableKeepAlive: boolean;
}): KeepAlive {
  return {
    enabled: !keys.disableKeepAlive,
    idleMs: (keys.keepAliveIdleSeconds || DEFAULT_SECONDS) * 1_000,
    intervalMs: (keys.keepAliveIntervalSeconds || DEFAULT_SECONDS) * 1_000,
  };
}

/** Sets both probe times of a connected socket. */
export function setKeepAlive(socket: Socket, { enabled, idleMs, intervalMs }: KeepAlive): void {
  const set = socket.setKeepAlive as (enable: boolean, idleMs: number, intervalMs: number) => Socket;
  set.call(socket, enabled, idleMs, intervalMs);
}

/**
 * Makes every connection that a listening descriptor accepts start with these options, and without Nagle's delay, at no
 * cost per connection. False when the system cannot be told.
 */
export function inheritOptions(listenerFd: number, { enabled, idleMs, intervalMs }: KeepAlive): boolean {
  const native = nativeSockets();
  if (!native.available) return false;
  const { sockets } = native;
  sockets.setOption(listenerFd, LEVEL_TCP, TCP_NODELAY, 1, 'TCP_NODELAY');
  sockets.setOption(listenerFd, LEVEL_SOCKET, SO_KEEPALIVE, enabled ? 1 : 0, 'SO_KEEPALIVE');
  if (!enabled) return true;
  sockets.setOption(listenerFd, LEVEL_TCP, TCP_KEEP_IDLE, toSeconds(idleMs), 'TCP_KEEPIDLE');
  sockets.setOption(listenerFd, LEVEL_TCP, TCP_KEEP_INTERVAL, toSeconds(intervalMs), 'TCP_KEEPINTVL');
  return true;
}

function toSeconds(milliseconds: number): number {
  return Math.max(1, Math.round(milliseconds / 1_000));
}
