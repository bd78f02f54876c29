import { isIP, type Socket } from 'node:net';
import { formatEndpoint, unmapIp } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import { parseIp } from '@sluice/base/ip';
import { type KeepAlive, setKeepAlive } from './keep-alive.ts';
import { optionsFor, prepareTcp, type SocketOptions } from './socket-options.ts';
import type { ResolvedHost, Resolver } from './system-resolver.ts';

export type IpVersion = 'dual' | 'ipv4' | 'ipv6' | 'ipv4-prefer' | 'ipv6-prefer';

/** Everything that shapes outgoing sockets besides the destination. */
export type ConnectSettings = {
  readonly clock: Clock;
  readonly resolver: Resolver;
  /** Dial every address of a family at once. */
  readonly concurrent: () => boolean;
  readonly keepAlive: () => KeepAlive;
  /** Interface and mark of outbounds that have none of their own; absent for none. */
  readonly socketOptions?: () => Pick<SocketOptions, 'interfaceName' | 'routingMark'>;
  /** Take addresses in 2001::/32 for an IPv4 address and a port; absent for no. */
  readonly convertIp4p?: () => boolean;
  /** Hears once of each option that the system does not grant. */
  readonly warn?: (text: string) => void;
};

const PREFERENCE_DELAY_MS = 300;

/**
 * Opens a TCP connection to a name or address: the two families race, addresses of one family are tried in order (or all
 * at once when concurrent). The socket is paused and stays half-open capable. `options` are those of the outbound.
 * @throws GatewayError `route.dial-failed`, `route.ip-version`, `native.socket` or those of the resolver
 */
export async function connectTcp(
  host: string,
  port: number,
  ipVersion: IpVersion,
  settings: ConnectSettings,
  signal: AbortSignal,
  options?: Partial<SocketOptions>,
): Promise<Socket> {
  const literal = addressesOfLiteral(host);
  const resolved = literal ?? (await abortable(settings.resolver.resolve(host), signal));
  const ipv4 = ipVersion === 'ipv6' ? [] : resolved.ipv4;
  const ipv6 = ipVersion === 'ipv4' ? [] : resolved.ipv6;
  if (ipv4.length + ipv6.length === 0)
    throw new GatewayError('unavailable', 'route.ip-version', 'ip version error');
  const way: Way = { port, settings, options };
  const only = ipv4.length + ipv6.length === 1 ? (ipv4[0] ?? ipv6[0]) : undefined;
  if (only !== undefined) return connectOne(only, way, signal);
  return race(ipv4, ipv6, ipVersion, way, signal);
}

/** What the attempts at one destination have in common. */
type Way = {
  readonly port: number;
  readonly settings: ConnectSettings;
  readonly options: Partial<SocketOptions> | undefined;
};

function addressesOfLiteral(host: string): ResolvedHost | undefined {
  const ip = unmapIp(host);
  const version = isIP(ip);
  if (version === 0) return undefined;
  return version === 4 ? { ipv4: [ip], ipv6: [] } : { ipv4: [], ipv6: [ip] };
}

async function race(
  ipv4: readonly string[],
  ipv6: readonly string[],
  ipVersion: IpVersion,
  way: Way,
  signal: AbortSignal,
): Promise<Socket> {
  const { settings } = way;
  const losers = new AbortController();
  const raceSignal = AbortSignal.any([signal, losers.signal]);
  const connected = new Set<Socket>();
  const open = async (ip: string) => {
    const socket = await connectOne(ip, way, raceSignal);
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

async function inOrder(ips: readonly string[], open: (ip: string) => Promise<Socket>): Promise<Socket> {
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
  racer: Promise<Socket> | undefined,
  preferred: Promise<Socket> | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<Socket> | undefined {
  return preferred === undefined ? racer : racer?.then((socket) => held(socket, preferred, clock, signal));
}

async function held(
  socket: Socket,
  preferred: Promise<Socket>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Socket> {
  const waited = Promise.withResolvers<void>();
  const timer = clock.after(PREFERENCE_DELAY_MS, waited.resolve);
  signal.addEventListener('abort', () => waited.resolve(), { once: true });
  if (signal.aborted) waited.resolve();
  await Promise.allSettled([Promise.race([preferred, waited.promise])]);
  timer.cancel();
  return socket;
}

async function connectOne(ip: string, way: Way, signal: AbortSignal): Promise<Socket> {
  const { settings, options } = way;
  const to = settings.convertIp4p?.() === true ? fromIp4p(ip, way.port) : { host: ip, port: way.port };
  const place = formatEndpoint(to.host, to.port);
  if (signal.aborted) throw timedOut(place);
  const wanted = optionsFor(to.host, options, settings.socketOptions?.());
  const { socket, localAddress } = prepareTcp(to.host, wanted, (text) => warnOnce(settings, text));
  socket.setNoDelay(true);
  setKeepAlive(socket, settings.keepAlive());
  // Nothing may be read before its owner listens.
  socket.pause();
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      socket.destroy();
      reject(timedOut(place));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays for the socket's life: after connecting, the `close` that follows an error is what its owner acts on.
    socket.on('error', (error) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    });
    socket.connect({ ...to, ...(localAddress === undefined ? {} : { localAddress }) }, () => {
      signal.removeEventListener('abort', onAbort);
      resolve(socket);
    });
  });
}

/** IP4P: in 2001::/32 the last four bytes are an IPv4 address, and the two before those a port. */
export function fromIp4p(ip: string, port: number): { readonly host: string; readonly port: number } {
  const address = parseIp(ip);
  if (address?.family !== 6 || address.words[0] !== 0x2001_0000) return { host: ip, port };
  const [, , third, last] = address.words;
  const bytes = [last >>> 24, (last >>> 16) & 0xff, (last >>> 8) & 0xff, last & 0xff];
  return { host: bytes.join('.'), port: third & 0xffff };
}

const warned = new Set<string>();

/** Says once in the life of the process what the system does not grant. */
export function warnOnce({ warn }: ConnectSettings, text: string): void {
  if (warn === undefined || warned.has(text)) return;
  warned.add(text);
  warn(text);
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
