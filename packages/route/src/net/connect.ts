import net from 'node:net';
import { formatEndpoint } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { Resolver } from './system-resolver.ts';

export type IpVersion = 'dual' | 'ipv4' | 'ipv6' | 'ipv4-prefer' | 'ipv6-prefer';

/** Everything that shapes outgoing sockets besides the destination. */
export type ConnectSettings = {
  readonly clock: Clock;
  readonly resolver: Resolver;
  /** Dial every address of a family at once. */
  readonly concurrent: () => boolean;
  /** TCP keepalive idle time; 0 switches probes off. */
  readonly keepAliveMs: () => number;
};

const PREFERENCE_DELAY_MS = 300;

/**
 * Opens a TCP connection to a name or address: the two families race, addresses of one family are tried in order (or all
 * at once when concurrent). The socket is paused and stays half-open capable.
 * @throws GatewayError `route.dial-failed`, `route.no-address`, `route.ip-version` or those of the resolver
 */
export async function connectTcp(
  host: string,
  port: number,
  ipVersion: IpVersion,
  settings: ConnectSettings,
  signal: AbortSignal,
): Promise<net.Socket> {
  const resolved = await abortable(settings.resolver.resolve(host), signal);
  const ipv4 = ipVersion === 'ipv6' ? [] : resolved.ipv4;
  const ipv6 = ipVersion === 'ipv4' ? [] : resolved.ipv6;
  if (ipv4.length + ipv6.length === 0)
    throw new GatewayError('unavailable', 'route.ip-version', 'ip version error');
  const only = ipv4.length + ipv6.length === 1 ? (ipv4[0] ?? ipv6[0]) : undefined;
  const keepAliveMs = settings.keepAliveMs();
  if (only !== undefined) return connectOne(only, port, keepAliveMs, signal);

  const losers = new AbortController();
  const raceSignal = AbortSignal.any([signal, losers.signal]);
  const connected = new Set<net.Socket>();
  const open = async (ip: string) => {
    const socket = await connectOne(ip, port, keepAliveMs, raceSignal);
    connected.add(socket);
    if (losers.signal.aborted) socket.destroy();
    return socket;
  };
  const racer = (ips: readonly string[]) =>
    settings.concurrent() ? Promise.any(ips.map(open)) : inOrder(ips, open);
  const byIpv4 = ipv4.length > 0 ? racer(ipv4) : undefined;
  const byIpv6 = ipv6.length > 0 ? racer(ipv6) : undefined;
  const racers = [
    heldBack(byIpv4, ipVersion === 'ipv6-prefer' ? byIpv6 : undefined, settings.clock, raceSignal),
    heldBack(byIpv6, ipVersion === 'ipv4-prefer' ? byIpv4 : undefined, settings.clock, raceSignal),
  ].filter((each) => each !== undefined);
  try {
    const winner = await Promise.any(racers);
    connected.delete(winner);
    return winner;
  } catch (error) {
    throw new GatewayError('unavailable', 'route.dial-failed', joinedText(error), { cause: error });
  } finally {
    losers.abort();
    // Also those that had connected while a preferred family was waited for.
    for (const socket of connected) socket.destroy();
  }
}

async function inOrder(
  ips: readonly string[],
  open: (ip: string) => Promise<net.Socket>,
): Promise<net.Socket> {
  const errors: unknown[] = [];
  for (const ip of ips) {
    try {
      return await open(ip);
    } catch (error) {
      errors.push(error);
    }
  }
  throw new AggregateError(errors);
}

/** A success of the family that is not preferred waits for the preferred one to fail, though not for long. */
function heldBack(
  racer: Promise<net.Socket> | undefined,
  preferred: Promise<net.Socket> | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<net.Socket> | undefined {
  return preferred === undefined ? racer : racer?.then((socket) => held(socket, preferred, clock, signal));
}

async function held(
  socket: net.Socket,
  preferred: Promise<net.Socket>,
  clock: Clock,
  signal: AbortSignal,
): Promise<net.Socket> {
  const waited = Promise.withResolvers<void>();
  const timer = clock.after(PREFERENCE_DELAY_MS, waited.resolve);
  signal.addEventListener('abort', () => waited.resolve(), { once: true });
  if (signal.aborted) waited.resolve();
  await Promise.allSettled([Promise.race([preferred, waited.promise])]);
  timer.cancel();
  return socket;
}

function connectOne(ip: string, port: number, keepAliveMs: number, signal: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const place = formatEndpoint(ip, port);
    if (signal.aborted) return reject(timedOut(place));
    const socket = net.connect({
      host: ip,
      port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: keepAliveMs > 0,
      keepAliveInitialDelay: keepAliveMs,
    });
    // Nothing may be read before its owner listens.
    socket.pause();
    const onAbort = () => {
      socket.destroy();
      reject(timedOut(place));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      resolve(socket);
    });
    // Stays for the socket's life: after connecting, the `close` that follows an error is what its owner acts on.
    socket.on('error', (error) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    });
  });
}

function timedOut(place: string): GatewayError {
  return new GatewayError('timeout', 'route.dial-timeout', `connect ${place} timed out`);
}

function joinedText(error: unknown): string {
  if (!(error instanceof AggregateError)) return errorText(error);
  return [...new Set(error.errors.map(joinedText))].join('\n');
}

/** The promise's outcome, or a timeout as soon as the signal aborts. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(new GatewayError('timeout', 'route.dial-timeout', 'dial timed out'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
