import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { GeoSource } from '../../geo/geo-source.ts';
import type { Resolver } from '../../net/system-resolver.ts';
import type { FindEntrySet } from '../../rule-set/entry-set.ts';
import type { DnsDialer, DnsVia } from '../dns-service.ts';
import { ServerChoice } from '../exchange/server-choice.ts';
import { FallbackFilter } from '../policy/fallback-filter.ts';
import { geositeMatcher, ruleSetMatcher } from '../policy/name-matchers.ts';
import { PolicyTable } from '../policy/policy-table.ts';
import { DhcpServers, dhcpSettings } from '../upstream/dhcp-servers.ts';
import { SystemServers } from '../upstream/system-servers.ts';
import { orAborted, type UpstreamEnvironment } from '../upstream/upstream.ts';
import type { UpstreamConfig } from '../upstream/upstream-config.ts';
import { UpstreamSet } from '../upstream/upstream-set.ts';
import { NameResolver, type NameResolverOptions } from './name-resolver.ts';
import type { PolicyConfig, ResolverConfig } from './resolver-config.ts';
import type { DnsResolvers, LookupPurpose } from './resolvers.ts';
import { UpstreamExchanger } from './upstream-exchanger.ts';

/** What resolvers need from the rest of the gateway. */
export type ResolverEnvironment = {
  readonly dialer: DnsDialer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly geo: GeoSource;
  readonly findSet: FindEntrySet;
  /** Whether a way of DNS traffic is an outbound or group, which resolves host names itself; false for interfaces. */
  readonly takesNames: (via: DnsVia) => boolean;
  /** Certificates in PEM form that are trusted besides the well-known ones; the same array as long as they are the same. */
  readonly trustedCertificates: () => readonly string[];
} & Pick<NameResolverOptions, 'hosts' | 'ipv6' | 'onLookup'>;

/**
 * Builds the resolvers of a configuration; nothing is opened before the first question.
 * @throws GatewayError `dns.rule-set`, `geo.list`, `geo.missing`
 */
export function createResolvers(config: ResolverConfig, environment: ResolverEnvironment): DnsResolvers {
  return new ResolverSet(config, environment);
}

class ResolverSet implements DnsResolvers {
  readonly exchanger: UpstreamExchanger;
  readonly main: Resolver;
  readonly direct: Resolver;
  readonly proxyServer: Resolver;
  readonly #config: ResolverConfig;
  readonly #environment: ResolverEnvironment;
  readonly #system: SystemServers;
  readonly #dhcp: DhcpServers;
  readonly #upstreamSets: UpstreamSet[] = [];
  readonly #exchangers: UpstreamExchanger[] = [];

  constructor(config: ResolverConfig, environment: ResolverEnvironment) {
    this.#config = config;
    this.#environment = environment;
    this.#system = new SystemServers(environment.clock);
    this.#dhcp = new DhcpServers(dhcpSettings(environment.clock));
    const upstreams = this.#openUpstreams(this.#serverResolver());
    const policy = this.#policyTable(config.policy, upstreams);
    this.exchanger = this.#exchangerFor(
      new ServerChoice({
        clock: environment.clock,
        main: upstreams.open(config.main),
        policy,
        fallback:
          config.fallback.length === 0
            ? undefined
            : {
                upstreams: upstreams.open(config.fallback),
                filter: new FallbackFilter(config.fallbackFilter, environment.geo),
              },
        fallbackIsLazy: config.fallbackIsLazy,
      }),
    );
    const nodePolicy = this.#policyTable(config.proxyServerPolicy, upstreams);
    const directPolicy = config.directFollowsPolicy ? policy : undefined;
    this.main = this.#resolver('rule', this.exchanger);
    this.direct = this.#resolver('direct', this.#listExchanger(config.direct, directPolicy, upstreams));
    this.proxyServer = this.#resolver('node', this.#listExchanger(config.proxyServer, nodePolicy, upstreams));
  }

  flushCache(): void {
    for (const exchanger of this.#exchangers) exchanger.flushCache();
  }

  close(): void {
    for (const exchanger of this.#exchangers) exchanger.close();
    for (const upstreams of this.#upstreamSets) upstreams.close();
    this.#dhcp.close();
  }

  /** Resolves the hosts of servers with the default servers, which need no resolving themselves. */
  #serverResolver(): UpstreamEnvironment['resolveServer'] {
    const upstreams = this.#openUpstreams(async (host) => {
      throw new GatewayError('unavailable', 'route.no-address', `couldn't find ip of default server ${host}`);
    });
    const resolver = this.#resolver(
      'node',
      this.#exchangerOf(this.#config.defaultServers, undefined, upstreams),
    );
    return (host, signal) => orAborted(resolver.resolve(host), signal);
  }

  #openUpstreams(resolveServer: UpstreamEnvironment['resolveServer']): UpstreamSet {
    const { clock, dialer, takesNames, trustedCertificates } = this.#environment;
    const upstreams = new UpstreamSet(
      { clock, dialer, takesNames, trustedCertificates, resolveServer },
      {
        system: () => this.#system.current(),
        dhcp: (interfaceName) => this.#dhcp.current(interfaceName),
      },
    );
    this.#upstreamSets.push(upstreams);
    return upstreams;
  }

  #policyTable(policies: readonly PolicyConfig[], upstreams: UpstreamSet): PolicyTable | undefined {
    if (policies.length === 0) return undefined;
    const { geo, findSet } = this.#environment;
    return new PolicyTable(
      policies,
      (policy) => upstreams.open(policy.servers),
      (matcher) =>
        matcher.kind === 'geosite'
          ? geositeMatcher(geo, matcher.lists)
          : ruleSetMatcher(findSet, matcher.names),
    );
  }

  /** A resolver of its own for a list, or the main one when the list is empty. */
  #listExchanger(
    servers: readonly UpstreamConfig[],
    policy: PolicyTable | undefined,
    upstreams: UpstreamSet,
  ): UpstreamExchanger {
    return servers.length === 0 ? this.exchanger : this.#exchangerOf(servers, policy, upstreams);
  }

  #exchangerOf(
    servers: readonly UpstreamConfig[],
    policy: PolicyTable | undefined,
    upstreams: UpstreamSet,
  ): UpstreamExchanger {
    return this.#exchangerFor(
      new ServerChoice({
        clock: this.#environment.clock,
        main: upstreams.open(servers),
        policy,
        fallback: undefined,
        fallbackIsLazy: true,
      }),
    );
  }

  #exchangerFor(choice: ServerChoice): UpstreamExchanger {
    const { clock, logger } = this.#environment;
    const exchanger = new UpstreamExchanger(choice, this.#config.cacheAlgorithm, clock, logger);
    this.#exchangers.push(exchanger);
    return exchanger;
  }

  #resolver(purpose: LookupPurpose, exchanger: UpstreamExchanger): NameResolver {
    const { clock, hosts, ipv6, onLookup } = this.#environment;
    const { ipv6TimeoutMs } = this.#config;
    return new NameResolver({ exchanger, clock, purpose, hosts, ipv6, ipv6TimeoutMs, onLookup });
  }
}
