import { formatEndpoint } from '@sluice/base/address';
import { AdjustedUpstream } from './adjusted-upstream.ts';
import { FixedUpstream, UnservedUpstream } from './fixed-upstream.ts';
import { HttpsUpstream } from './https-upstream.ts';
import { ServerListUpstream } from './server-list-upstream.ts';
import { StreamUpstream } from './stream-upstream.ts';
import { UdpUpstream } from './udp-upstream.ts';
import type { Upstream, UpstreamEnvironment } from './upstream.ts';
import { type UpstreamConfig, upstreamWarning } from './upstream-config.ts';

/** Where servers that no configuration names come from; addresses are literals. */
export type FoundServers = {
  readonly system: () => Promise<readonly string[]>;
  /** Servers that DHCP offers on an interface. @throws GatewayError `dns.dhcp` */
  readonly dhcp: (interfaceName: string) => Promise<readonly string[]>;
};

/** The upstreams of one configuration; equal servers in different lists are one object. */
export class UpstreamSet {
  readonly #environment: UpstreamEnvironment;
  readonly #found: FoundServers;
  readonly #upstreams = new Map<string, Upstream>();

  constructor(environment: UpstreamEnvironment, found: FoundServers) {
    this.#environment = environment;
    this.#found = found;
  }

  open(configs: readonly UpstreamConfig[]): readonly Upstream[] {
    return configs.map((config) => {
      const upstream = this.#upstreams.get(config.text) ?? this.#adjusted(config);
      this.#upstreams.set(config.text, upstream);
      return upstream;
    });
  }

  close(): void {
    for (const upstream of this.#upstreams.values()) upstream.close();
    this.#upstreams.clear();
  }

  #adjusted(config: UpstreamConfig): Upstream {
    const upstream = this.#create(config);
    const { ecs, disabledTypes } = config.options;
    return ecs === undefined && disabledTypes.length === 0
      ? upstream
      : new AdjustedUpstream(upstream, config.options);
  }

  #create(config: UpstreamConfig): Upstream {
    const warning = upstreamWarning(config);
    if (warning !== undefined) return new UnservedUpstream(config.text, warning);
    switch (config.kind) {
      case 'udp':
        return new UdpUpstream(
          config,
          this.#environment,
          new StreamUpstream(config, 'tcp', this.#environment),
        );
      case 'tcp':
      case 'tls':
        return new StreamUpstream(config, config.kind, this.#environment);
      case 'quic':
        return new UnservedUpstream(config.text, 'DNS over QUIC is not served by this version');
      case 'https':
      case 'http':
        return new HttpsUpstream(config, this.#environment);
      case 'rcode':
        return new FixedUpstream(config.text, config.rcode);
      case 'system':
        return this.#listed(config, this.#found.system);
      case 'dhcp':
        return this.#listed(config, () => this.#found.dhcp(config.interfaceName));
    }
  }

  #listed(config: UpstreamConfig, addresses: () => Promise<readonly string[]>): Upstream {
    return new ServerListUpstream(config.text, this.#environment.clock, addresses, (host) =>
      this.#create({
        kind: 'udp',
        server: { host, port: 53 },
        text: `udp://${formatEndpoint(host, 53)}`,
        options: { ...config.options, ecs: undefined, disabledTypes: [] },
      }),
    );
  }
}
