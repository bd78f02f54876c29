import { type Endpoint, parseEndpoint } from '@sluice/base/address';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import type { TunnelConfig } from './listener-config.ts';
import type { RawTunnel } from './tunnel-schema.ts';

/** Checks `tunnels`; entries in error are reported and left out. `isOutbound` knows the names of outbounds and groups. */
export function resolveTunnels(
  tunnels: readonly RawTunnel[],
  isOutbound: (name: string) => boolean,
  report: ReportIssue,
): TunnelConfig[] {
  return tunnels.flatMap((raw, index) => {
    try {
      return [resolveTunnel(raw, isOutbound)];
    } catch (error) {
      report('error', ['tunnels', index], errorText(error));
      return [];
    }
  });
}

function resolveTunnel(raw: RawTunnel, isOutbound: (name: string) => boolean): TunnelConfig {
  const { network, address, target, proxy = '' } = typeof raw === 'string' ? splitLine(raw) : raw;
  for (const each of network)
    if (each !== 'tcp' && each !== 'udp') throw tunnelError(`invalid tunnel network ${each}`);
  const tunnel = {
    tcp: network.includes('tcp'),
    udp: network.includes('udp'),
    address: endpointOf(address),
    target: endpointOf(target),
    proxy,
  };
  if (tunnel.target.host === '') throw tunnelError(`invalid tunnel target or address ${target}`);
  if (proxy !== '' && !isOutbound(proxy)) throw tunnelError(`tunnel proxy ${proxy} not found`);
  return tunnel;
}

/** `network,address,target[,proxy]`; what follows is ignored. */
function splitLine(line: string) {
  const [networks = '', address, target, proxy = ''] = line.split(',').map((piece) => piece.trim());
  if (address === undefined || target === undefined) throw tunnelError(`invalid tunnel config ${line}`);
  return { network: networks.toLowerCase().split('/'), address, target, proxy };
}

function endpointOf(text: string): Endpoint {
  try {
    return parseEndpoint(text);
  } catch {
    // The text below is the one that users of the reference kernel know.
    throw tunnelError(`invalid tunnel target or address ${text}`);
  }
}

function tunnelError(message: string): GatewayError {
  return new GatewayError('invalid', 'route.tunnel', message);
}
