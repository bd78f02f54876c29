import { isIP } from 'node:net';
import { unmapIp } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { HostTable } from '../config/host-table.ts';
import type { DnsService } from '../dns/dns-service.ts';

/** The part of the DNS service that knows what addresses stand for. */
export type AddressNames = Pick<DnsService, 'enabled' | 'mode' | 'reverse' | 'isFakeIp'>;

/**
 * Settles what the destination is called: a literal IP is no host name, an address that DNS handed out gets its name back,
 * and aliases of `hosts` are followed.
 * @throws GatewayError `route.no-destination`, `route.fake-ip-missing`
 */
export function settleDestination(flow: FlowMetadata, hosts: HostTable, names: AddressNames): void {
  const ip = unmapIp(flow.host);
  if (isIP(ip) !== 0) {
    flow.destinationIp = ip;
    flow.host = '';
  }
  const wantsName = names.enabled && names.mode !== 'normal';
  if (wantsName && flow.host === '' && flow.destinationIp !== '') nameAddress(flow, hosts, names);
  else flow.host = hosts.lookupAlias(flow.host) ?? flow.host;
  if (flow.host === '' && flow.destinationIp === '') {
    throw new GatewayError('invalid', 'route.no-destination', 'invalid address: no host and no IP');
  }
}

function nameAddress(flow: FlowMetadata, hosts: HostTable, names: AddressNames): void {
  const known = names.reverse(flow.destinationIp);
  if (known === undefined) {
    if (!names.isFakeIp(flow.destinationIp)) return;
    const message = `fake DNS record ${flow.destinationIp} missing`;
    throw new GatewayError('invalid', 'route.fake-ip-missing', message);
  }
  flow.host = known.name;
  flow.dnsMode = known.mode;
  if (known.mode === 'fake-ip') {
    flow.destinationIp = '';
    return;
  }
  const mapped = randomOf(hosts.lookupIps(known.name));
  if (mapped !== undefined) flow.destinationIp = mapped;
  else flow.host = hosts.lookupAlias(known.name) ?? known.name;
}

/** One of several addresses, at random. */
export function randomOf(ips: readonly string[] | undefined): string | undefined {
  return ips?.[Math.floor(Math.random() * ips.length)];
}
