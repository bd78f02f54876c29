import { isIP } from 'node:net';
import type { Endpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import type { UpstreamEnvironment } from './upstream.ts';
import type { UpstreamConfig } from './upstream-config.ts';

type Reachable = Extract<UpstreamConfig, { readonly server: Endpoint }>;

/**
 * Where to dial for a server: its host where the way takes names, else one of its addresses, IPv4 before IPv6.
 * @throws GatewayError of the default servers, `route.no-address`
 */
export async function dialTarget(
  config: Reachable,
  environment: UpstreamEnvironment,
  signal: AbortSignal,
  needsIp: boolean,
): Promise<Endpoint> {
  const { server, options } = config;
  if (isIP(server.host) !== 0) return server;
  if (!needsIp && environment.takesNames(options.via)) return server;
  const { ipv4, ipv6 } = await environment.resolveServer(server.host, signal);
  const choices = ipv4.length > 0 ? ipv4 : ipv6;
  const host = choices[Math.floor(Math.random() * choices.length)];
  if (host === undefined) throw new GatewayError('unavailable', 'route.no-address', "couldn't find ip");
  return { host, port: server.port };
}
