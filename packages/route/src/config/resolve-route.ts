import { GatewayError } from '@sluice/base/errors';
import { parseCidr } from '@sluice/base/ip';
import type { ConfigPath, ReportIssue } from '@sluice/core/config/issue';
import type { RouteConfig } from '../config.ts';
import { resolveDns } from '../dns/config/resolve-dns.ts';
import type { ResolvedDns } from '../dns/config/resolved-dns.ts';
import { FakeIpRange } from '../dns/fake-ip/fake-ip-range.ts';
import type { GeoSource } from '../geo/geo-source.ts';
import type { ListenerConfig, TunnelConfig } from '../inbound/config/listener-config.ts';
import { resolveListeners } from '../inbound/config/resolve-listeners.ts';
import { resolveTunnels } from '../inbound/config/resolve-tunnels.ts';
import type { ProxyProviderConfig, RuleProviderConfig } from '../provider/provider-config.ts';
import { resolveProxyProviders, resolveRuleProviders } from '../provider/resolve-providers.ts';
import type { SafePaths } from '../provider/safe-paths.ts';
import { compileRules, type RefuseLine } from '../rule/compile-rules.ts';
import type { RuleResources } from '../rule/rule-resources.ts';
import type { RuleSet } from '../rule/rule-set.ts';
import type { FindEntrySet } from '../rule-set/entry-set.ts';
import { resolveSniffer, type SnifferConfig } from '../sniff/sniffer-config.ts';
import { type ExternalUi, resolveExternalUi } from '../ui/external-ui.ts';
import type { HostTable } from './host-table.ts';
import { PrefixSet, prefixError } from './prefixes.ts';
import { BUILT_IN_OUTBOUNDS, GLOBAL_GROUP, type GroupConfig, type ProxyConfig } from './proxy-config.ts';
import { resolveGroups } from './resolve-groups.ts';
import { resolveHosts } from './resolve-hosts.ts';
import { resolveProxies } from './resolve-proxies.ts';

/** The port of the mixed inbound when the configuration names no inbound port. */
const DEFAULT_MIXED_PORT = 7890;

/** 0 for off. */
export type InboundPorts = {
  readonly port: number;
  readonly socksPort: number;
  readonly mixedPort: number;
  readonly redirPort: number;
  readonly tproxyPort: number;
};

/** What a configuration says by itself, without the files that it refers to. */
export type RouteParts = {
  readonly ports: InboundPorts;
  readonly proxies: readonly ProxyConfig[];
  /** In file order; members may name groups that come later, never themselves through others. */
  readonly groups: readonly GroupConfig[];
  readonly proxyProviders: readonly ProxyProviderConfig[];
  readonly ruleProviders: readonly RuleProviderConfig[];
  readonly listeners: readonly ListenerConfig[];
  readonly tunnels: readonly TunnelConfig[];
  readonly hosts: HostTable;
  readonly ui: ExternalUi;
  /** User name → password; empty when no authentication is asked for. */
  readonly users: ReadonlyMap<string, string>;
  readonly lanAllowed: PrefixSet;
  readonly lanDisallowed: PrefixSet;
  readonly skipAuth: PrefixSet;
  /** Broadcast address of the fake-ip range, `''` when that is none. */
  readonly fakeIpBroadcast: string;
  /** Whether a name can be the target of a rule. */
  readonly isTarget: (name: string) => boolean;
};

/** Geo databases and rule sets that a configuration refers to. */
export type RouteSources = { readonly geo: GeoSource; readonly findSet: FindEntrySet };

/** What is compiled against those. */
export type RouteTables = {
  readonly rules: RuleSet;
  readonly dns: ResolvedDns;
  readonly sniffer: SnifferConfig;
};

/** Checks everything that needs no other file; what is in error is reported and left out. */
export function resolveParts(config: RouteConfig, paths: SafePaths, report: ReportIssue): RouteParts {
  const proxies = resolveProxies(config.proxies, report);
  const proxyProviders = resolveProxyProviders(config['proxy-providers'], paths, report);
  const providerUrls = new Map(proxyProviders.map(({ name, healthCheck }) => [name, healthCheck.url]));
  const groups = resolveGroups(config['proxy-groups'], proxies, providerUrls, report);
  const isTarget = targetsOf(config, proxies);
  reportMissingDialers(config, proxies, groups, report);
  reportPortClashes(config, report);
  return {
    ports: inboundPorts(config),
    proxies,
    groups,
    proxyProviders,
    ruleProviders: resolveRuleProviders(config['rule-providers'], paths, report),
    listeners: resolveListeners(config.listeners, isTarget, report),
    tunnels: resolveTunnels(config.tunnels, isTarget, report),
    hosts: resolveHosts(config.hosts, report),
    ui: resolveExternalUi(config, paths, report),
    users: parseUsers(config.authentication, report),
    lanAllowed: resolvePrefixes(config['lan-allowed-ips'], ['lan-allowed-ips'], report),
    lanDisallowed: resolvePrefixes(config['lan-disallowed-ips'], ['lan-disallowed-ips'], report),
    skipAuth: resolvePrefixes(config['skip-auth-prefixes'], ['skip-auth-prefixes'], report),
    fakeIpBroadcast: fakeIpRange(config)?.broadcast ?? '',
    isTarget,
  };
}

/** Compiles rules, DNS and sniffer; what is in error is reported and left out. */
export function resolveTables(
  config: RouteConfig,
  parts: RouteParts,
  sources: RouteSources,
  report: ReportIssue,
): RouteTables {
  const refuse: RefuseLine = (path, message) => report('error', path, message);
  return {
    rules: compileRules(
      { rules: config.rules ?? [], subRules: config['sub-rules'] },
      parts.isTarget,
      resourcesOf(parts, sources),
      refuse,
    ),
    dns: resolveDns(config.dns, { ...sources, storesFakeIp: config.profile['store-fake-ip'] }, report),
    sniffer: resolveSniffer(config.sniffer, sources, report),
  };
}

/** What rules of this configuration are compiled with. */
export function resourcesOf(parts: RouteParts, sources: RouteSources): RuleResources {
  return { ...sources, fakeIpBroadcast: parts.fakeIpBroadcast };
}

/** Refuses at the first error, with the control API's text. @throws GatewayError `route.config` */
export const refuseErrors: ReportIssue = (severity, path, message) => {
  if (severity === 'error') {
    throw new GatewayError('invalid', 'route.config', message, { details: { path } });
  }
};

/** The prefix of fake addresses; `undefined` when it is not one, which `resolveDns` reports. */
export function fakeIpRange(config: RouteConfig): FakeIpRange | undefined {
  try {
    return new FakeIpRange(config.dns['fake-ip-range']);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

/** The ports to open: the mixed port alone when none is written. */
export function inboundPorts(config: RouteConfig): InboundPorts {
  const fixed = {
    port: config.port,
    socksPort: config['socks-port'],
    redirPort: config['redir-port'],
    tproxyPort: config['tproxy-port'],
  };
  const isNoneWritten = Object.values(fixed).every((port) => port === 0) && config.listeners.length === 0;
  return { ...fixed, mixedPort: config['mixed-port'] ?? (isNoneWritten ? DEFAULT_MIXED_PORT : 0) };
}

/** Whether a name can be a rule's target. Names in error still count, so that one mistake is reported once. */
function targetsOf(config: RouteConfig, proxies: readonly ProxyConfig[]): (name: string) => boolean {
  const names = new Set<string>([...BUILT_IN_OUTBOUNDS, GLOBAL_GROUP]);
  for (const { name } of [...proxies, ...config.proxies, ...config['proxy-groups']]) {
    if (name !== undefined) names.add(name);
  }
  return (name) => names.has(name);
}

function reportMissingDialers(
  config: RouteConfig,
  proxies: readonly ProxyConfig[],
  groups: readonly GroupConfig[],
  report: ReportIssue,
): void {
  const names = new Set<string>([
    ...BUILT_IN_OUTBOUNDS,
    ...proxies.map((each) => each.name),
    ...groups.map((each) => each.name),
  ]);
  for (const { name, traits } of proxies) {
    if (traits.dialerProxy === '' || names.has(traits.dialerProxy)) continue;
    const index = config.proxies.findIndex((raw) => raw.name === name);
    // Found out at dial time by the reference kernel, so it must not stop the load.
    report('warning', ['proxies', index, 'dialer-proxy'], `proxyName[${traits.dialerProxy}] not found`);
  }
}

const PORT_KEYS = [
  ['port', 'port'],
  ['socks-port', 'socksPort'],
  ['mixed-port', 'mixedPort'],
  ['redir-port', 'redirPort'],
  ['tproxy-port', 'tproxyPort'],
] as const;

/** A port that cannot be listened on does not stop the gateway, so this is a warning. */
function reportPortClashes(config: RouteConfig, report: ReportIssue): void {
  const ports = inboundPorts(config);
  const owners = new Map<number, string>();
  for (const [key, name] of PORT_KEYS) {
    const number = ports[name];
    const owner = owners.get(number);
    if (number !== 0 && owner !== undefined)
      report('warning', [key], `port ${number} is already taken by ${owner}`);
    owners.set(number, key);
  }
}

function resolvePrefixes(prefixes: readonly string[], path: ConfigPath, report: ReportIssue): PrefixSet {
  const good = prefixes.filter((prefix, index) => {
    const isPrefix = parseCidr(prefix.trim()) !== undefined;
    if (!isPrefix) report('error', [...path, index], prefixError(prefix));
    return isPrefix;
  });
  return new PrefixSet(good);
}

function parseUsers(entries: readonly string[], report: ReportIssue): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const [index, entry] of entries.entries()) {
    const colon = entry.indexOf(':');
    if (colon < 0) report('warning', ['authentication', index], 'an entry without ":" is ignored');
    else users.set(entry.slice(0, colon), entry.slice(colon + 1));
  }
  return users;
}
