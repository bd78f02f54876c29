import type { DatabaseSync } from 'node:sqlite';
import type { Clock, Timer } from '@sluice/base/clock';
import { formatIp, parseIp } from '@sluice/base/ip';
import type { Logger } from '@sluice/core/log/logger';
import type { HostTable } from '../config/host-table.ts';
import type { Resolver } from '../net/system-resolver.ts';
import type { DnsControl } from '../port.ts';
import type { ResolvedDns } from './config/resolved-dns.ts';
import { LiveDnsControl } from './dns-control.ts';
import type { DnsService, ReverseName } from './dns-service.ts';
import { FakeIpPools } from './fake-ip/fake-ip-pools.ts';
import { HostLookup } from './hosts/host-lookup.ts';
import { HostsFirstResolver } from './hosts/hosts-first-resolver.ts';
import { SystemHosts, systemHostsAreDisabled } from './hosts/system-hosts.ts';
import { MappingTable } from './mapping-table.ts';
import { createResolvers, type ResolverEnvironment } from './resolver/create-resolvers.ts';
import type { DnsResolvers } from './resolver/resolvers.ts';
import { DnsListeners } from './server/dns-listeners.ts';
import { DnsPipeline } from './server/pipeline.ts';
import { QueryLog } from './server/query-log.ts';
import type { DnsResponder } from './server/responder.ts';

/** What the DNS service needs from the rest of the gateway. */
export type DnsServiceParts = Pick<
  ResolverEnvironment,
  'dialer' | 'geo' | 'findSet' | 'takesNames' | 'trustedCertificates'
> & {
  readonly clock: Clock;
  readonly log: Logger;
  /** An open route database; stays open. */
  readonly database: DatabaseSync;
  /** The `hosts` in force. */
  readonly hosts: () => HostTable;
  /** Whether the gateway uses IPv6. */
  readonly ipv6: () => boolean;
  /** Resolves while DNS is disabled. */
  readonly systemResolver: Resolver;
  /** `DISABLE_SYSTEM_HOSTS` is read from it. */
  readonly environment: NodeJS.ProcessEnv;
};

/** The DNS service with its life cycle. */
export interface LiveDnsService extends DnsService {
  /** Opens the listeners; those that cannot be opened are logged. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Puts another configuration in force; mapping, fake addresses of an unchanged range and an unchanged listener stay.
   * @throws GatewayError of `createResolvers`, and then nothing has changed
   */
  reconfigure(config: ResolvedDns): Promise<void>;
  /** Where the DNS server listens, `undefined` for nowhere. */
  readonly listener: { readonly host: string; readonly port: number } | undefined;
}

const FLUSH_PERIOD_MS = 1_000;
/** As long as a question may take: those under way during a reload are still answered by the old upstreams. */
const RETIREMENT_MS = 5_000;

/**
 * Builds the service without opening anything.
 * @throws GatewayError of `createResolvers`
 */
export function createDnsService(parts: DnsServiceParts, config: ResolvedDns): LiveDnsService {
  return new ComposedDnsService(parts, config);
}

class ComposedDnsService implements LiveDnsService {
  readonly control: DnsControl;
  readonly main: Resolver = { resolve: (host) => (this.#resolvers?.main ?? this.#system).resolve(host) };
  readonly direct: Resolver = { resolve: (host) => (this.#resolvers?.direct ?? this.#system).resolve(host) };
  readonly proxyServer: Resolver = {
    resolve: (host) => (this.#resolvers?.proxyServer ?? this.#system).resolve(host),
  };
  readonly #parts: DnsServiceParts;
  readonly #system: Resolver;
  readonly #systemHosts: SystemHosts | undefined;
  readonly #queries = new QueryLog();
  readonly #mapping = new MappingTable();
  readonly #pools: FakeIpPools;
  readonly #listeners: DnsListeners;
  readonly #retiring = new Map<DnsResolvers, Timer>();
  #config: ResolvedDns;
  /** Both are there while DNS is enabled. */
  #resolvers: DnsResolvers | undefined;
  #pipeline: DnsPipeline | undefined;
  #flushing: Timer | undefined;

  constructor(parts: DnsServiceParts, config: ResolvedDns) {
    const { clock, log, hosts } = parts;
    this.#parts = parts;
    this.#system = new HostsFirstResolver(hosts, parts.systemResolver);
    this.#systemHosts = systemHostsAreDisabled(parts.environment) ? undefined : new SystemHosts(clock, log);
    this.#pools = new FakeIpPools(parts.database, log, parts.clock);
    const responder: DnsResponder = {
      respond: (message, client, port, limit) => this.#pipeline?.respond(message, client, port, limit),
    };
    this.#listeners = new DnsListeners(responder, clock, log);
    this.control = new LiveDnsControl({
      clock,
      queries: this.#queries,
      pools: this.#pools,
      responder,
      resolvers: () => this.#resolvers,
    });
    this.#config = config;
    this.#configure(config);
  }

  get enabled(): boolean {
    return this.#config.enabled;
  }

  get mode(): DnsService['mode'] {
    return this.#config.mode;
  }

  get listener(): { readonly host: string; readonly port: number } | undefined {
    return this.#listeners.bound;
  }

  async start(): Promise<void> {
    this.#flushing = this.#parts.clock.every(FLUSH_PERIOD_MS, () => this.#pools.flush());
    await this.#listen();
  }

  async stop(): Promise<void> {
    this.#flushing?.cancel();
    this.#flushing = undefined;
    await this.#listeners.close();
    this.#pools.flush();
    this.#resolvers?.close();
    for (const [resolvers, timer] of this.#retiring) {
      timer.cancel();
      resolvers.close();
    }
    this.#retiring.clear();
  }

  async reconfigure(config: ResolvedDns): Promise<void> {
    this.#configure(config);
    // Before the start there is nothing to listen for.
    if (this.#flushing !== undefined) await this.#listen();
  }

  reverse(ip: string): ReverseName | undefined {
    const { enabled, mode } = this.#config;
    if (!enabled || mode === 'normal') return undefined;
    const address = canonicalIp(ip);
    const fake = this.#pools.nameOf(address);
    if (fake !== undefined) return { name: fake, mode: 'fake-ip', fake: true };
    const name = this.#mapping.nameOf(address);
    return name === undefined ? undefined : { name, mode, fake: false };
  }

  isFakeIp(ip: string): boolean {
    return this.#pools.isFake(ip);
  }

  #listen(): Promise<void> {
    return this.#listeners.apply(this.#config.enabled ? this.#config.listen : undefined);
  }

  /** What can fail comes first, so that a failure changes nothing. */
  #configure(config: ResolvedDns): void {
    const hosts = this.#hostLookup(config);
    const resolvers = config.enabled ? this.#createResolvers(config, hosts) : undefined;
    try {
      this.#pools.configure(config.enabled && config.mode === 'fake-ip' ? config.fakeIp : undefined);
    } catch (error) {
      resolvers?.close();
      throw error;
    }
    if (this.#resolvers !== undefined) this.#retire(this.#resolvers);
    this.#config = config;
    this.#resolvers = resolvers;
    this.#pipeline = resolvers === undefined ? undefined : this.#createPipeline(config, hosts, resolvers);
  }

  #hostLookup(config: ResolvedDns): HostLookup | undefined {
    if (!config.usesHosts) return undefined;
    return new HostLookup(this.#parts.hosts, config.usesSystemHosts ? this.#systemHosts : undefined);
  }

  #createResolvers(config: ResolvedDns, hosts: HostLookup | undefined): DnsResolvers {
    const { clock, log, dialer, geo, findSet, takesNames, trustedCertificates, ipv6 } = this.#parts;
    return createResolvers(config.resolver, {
      clock,
      logger: log,
      dialer,
      geo,
      findSet,
      takesNames,
      trustedCertificates,
      ipv6,
      hosts: { find: (name) => hosts?.follow(name) },
      onLookup: ({ purpose, answer, name, type, via, server, durationMs }) => {
        const record = {
          timeMs: clock.now(),
          name,
          type,
          client: purpose,
          clientPort: 0,
          via,
          server,
          durationMs,
        };
        this.#queries.add(record, answer);
      },
    });
  }

  #createPipeline(config: ResolvedDns, hosts: HostLookup | undefined, resolvers: DnsResolvers): DnsPipeline {
    const { clock, log, ipv6 } = this.#parts;
    const pool = this.#pools.pool(4);
    const { filter, ttlSeconds } = config.fakeIp;
    return new DnsPipeline({
      clock,
      log,
      queries: this.#queries,
      exchanger: resolvers.exchanger,
      sources: {
        hosts,
        fake: pool === undefined ? undefined : { filter, pool, pool6: this.#pools.pool(6), ttlSeconds },
        mapping: config.mode === 'normal' ? undefined : this.#mapping,
        ipv6: () => config.ipv6 && ipv6(),
      },
    });
  }

  #retire(resolvers: DnsResolvers): void {
    const timer = this.#parts.clock.after(RETIREMENT_MS, () => {
      this.#retiring.delete(resolvers);
      resolvers.close();
    });
    this.#retiring.set(resolvers, timer);
  }
}

/** IPv6 addresses can be written in many ways; answers are remembered in one. */
function canonicalIp(ip: string): string {
  const address = ip.includes(':') ? parseIp(ip) : undefined;
  return address === undefined ? ip : formatIp(address);
}
