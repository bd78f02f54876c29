import { isIP } from 'node:net';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { getDomain } from 'tldts';

/** What flows to one site have in common: the registrable domain of the host, or the destination address. */
export function balanceKey({ host, destinationIp }: FlowMetadata): string {
  if (host === '') return destinationIp;
  if (isIP(host) !== 0) return host;
  return (
    getDomain(host, {
      allowPrivateDomains: true,
      extractHostname: false,
      validateHostname: false,
    }) ?? destinationIp
  );
}
