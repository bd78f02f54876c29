import { GatewayError } from '@sluice/base/errors';
import type { UnavailableProxyConfig } from '../config/proxy-config.ts';
import type { Outbound, OutboundTraits } from './outbound.ts';

/** A node of a kind that cannot be served: it is listed, and every dial fails with the reason. */
export class UnavailableOutbound implements Outbound {
  readonly name: string;
  readonly type: string;
  readonly udp: boolean;
  readonly traits: OutboundTraits;
  /** What every dial fails with. */
  readonly reason: string;

  constructor(config: UnavailableProxyConfig) {
    this.name = config.name;
    this.type = config.apiType;
    this.udp = config.udp;
    this.traits = config.traits;
    this.reason = config.reason;
  }

  dialTcp(): Promise<never> {
    return this.openUdp();
  }

  openUdp(): Promise<never> {
    return Promise.reject(new GatewayError('unavailable', 'route.outbound-unavailable', this.reason));
  }
}
