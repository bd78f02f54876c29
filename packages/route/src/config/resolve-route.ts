import { GatewayError } from '@sluice/base/errors';
import { parseCidr } from '@sluice/base/ip';
import type { ConfigPath, ReportIssue } from '@sluice/core/config/issue';
import { compileRules } from '../rule/compile-rules.ts';
import type { RuleSet } from '../rule/rule-set.ts';
import type { RawGroup } from './group-schema.ts';
import type { HostTable } from './host-table.ts';
import { PrefixSet, prefixError } from './prefixes.ts';
import { BUILT_IN_OUTBOUNDS, GLOBAL_GROUP, type GroupConfig, type ProxyConfig } from './proxy-config.ts';
import type { RawProxy } from './proxy-schema.ts';
import { resolveGroups } from './resolve-groups.ts';
import { type RawHosts, resolveHosts } from './resolve-hosts.ts';
import { resolveProxies } from './resolve-proxies.ts';

/** The port of the mixed inbound when the configuration names no inbound port. */
const DEFAULT_MIXED_PORT = 7890;

/** The parts of a decoded `route` section that need more than a schema. */
export type RouteSections = {
  readonly port: number;
  readonly 'socks-port': number;
  readonly 'mixed-port'?: number;
  readonly 'lan-allowed-ips': readonly string[];
  readonly 'lan-disallowed-ips': readonly string[];
  readonly 'skip-auth-prefixes': readonly string[];
  readonly authentication: readonly string[];
  readonly hosts: RawHosts;
  readonly proxies: readonly RawProxy[];
  readonly 'proxy-groups': readonly RawGroup[];
  readonly rules?: readonly string[];
};

/** A configuration made ready for use. */
export type ResolvedRoute = {
  readonly ports: InboundPorts;
  readonly proxies: readonly ProxyConfig[];
  /** In file order; members may name groups that come later, never themselves through others. */
  readonly groups: readonly GroupConfig[];
  readonly rules: RuleSet;
  readonly hosts: HostTable;
  /** User name → password; empty when no authentication is asked for. */
  readonly users: ReadonlyMap<string, string>;
  readonly lanAllowed: PrefixSet;
  readonly lanDisallowed: PrefixSet;
  readonly skipAuth: PrefixSet;
};

/** 0 for off. */
export type InboundPorts = { readonly port: number; readonly socksPort: number; readonly mixedPort: number };

/**
 * Compiles a decoded `route` section.
 * @throws GatewayError `route.config` for the first error, with the control API's text
 */
export function resolveRoute(config: RouteSections): ResolvedRoute {
  const report: ReportIssue = (severity, path, message) => {
    if (severity === 'error') {
      throw new GatewayError('invalid', 'route.config', message, { details: { path } });
    }
  };
  const parts = resolveParts(config, report);
  return { ...parts, ports: inboundPorts(config), rules: takeRules(config, parts.proxies) };
}

/** Rules that a check has compiled and nobody uses yet: long lists are not read twice. */
const checkedRules = new WeakMap<RouteSections, RuleSet>();

/** Reports every line of `rules` that is none; good rules are kept for the `resolveRoute` of the same configuration. */
export function checkRules(
  config: RouteSections,
  proxies: readonly ProxyConfig[],
  report: ReportIssue,
): void {
  let isGood = true;
  const rules = compileRules(config.rules ?? [], targetsOf(config, proxies), (index, message) => {
    isGood = false;
    report('error', ['rules', index], message);
  });
  if (isGood) checkedRules.set(config, rules);
}

/** A rule set counts its hits, so each is given away once. */
function takeRules(config: RouteSections, proxies: readonly ProxyConfig[]): RuleSet {
  const checked = checkedRules.get(config);
  checkedRules.delete(config);
  return checked ?? compileRules(config.rules ?? [], targetsOf(config, proxies));
}

/** The ports to open: the mixed port alone when none is written. */
export function inboundPorts(config: RouteSections): InboundPorts {
  const port = config.port;
  const socksPort = config['socks-port'];
  const mixedPort = config['mixed-port'] ?? (port === 0 && socksPort === 0 ? DEFAULT_MIXED_PORT : 0);
  return { port, socksPort, mixedPort };
}

/** Everything but the rules; what is in error is reported and left out. */
export function resolveParts(config: RouteSections, report: ReportIssue) {
  const proxies = resolveProxies(config.proxies, report);
  const groups = resolveGroups(config['proxy-groups'], proxies, report);
  reportMissingDialers(config, proxies, groups, report);
  reportPortClashes(config, report);
  return {
    proxies,
    groups,
    hosts: resolveHosts(config.hosts, report),
    users: parseUsers(config.authentication, report),
    lanAllowed: resolvePrefixes(config['lan-allowed-ips'], ['lan-allowed-ips'], report),
    lanDisallowed: resolvePrefixes(config['lan-disallowed-ips'], ['lan-disallowed-ips'], report),
    skipAuth: resolvePrefixes(config['skip-auth-prefixes'], ['skip-auth-prefixes'], report),
  };
}

/** Whether a name can be a rule's target. Names in error still count, so that one mistake is reported once. */
function targetsOf(config: RouteSections, proxies: readonly ProxyConfig[]): (name: string) => boolean {
  const names = new Set<string>([...BUILT_IN_OUTBOUNDS, GLOBAL_GROUP]);
  for (const { name } of [...proxies, ...config.proxies, ...config['proxy-groups']]) {
    if (name !== undefined) names.add(name);
  }
  return (name) => names.has(name);
}

function reportMissingDialers(
  config: RouteSections,
  proxies: readonly ProxyConfig[],
  groups: readonly GroupConfig[],
  report: ReportIssue,
): void {
  const names = new Set<string>([
    ...BUILT_IN_OUTBOUNDS,
    ...proxies.map((each) => each.name),
    ...groups.map((each) => each.name),
  ]);
  for (const { name, dialerProxy } of proxies) {
    if (dialerProxy === '' || names.has(dialerProxy)) continue;
    const index = config.proxies.findIndex((raw) => raw.name === name);
    // Found out at dial time by the reference kernel, so it must not stop the load.
    report('warning', ['proxies', index, 'dialer-proxy'], `proxyName[${dialerProxy}] not found`);
  }
}

/** A port that cannot be listened on does not stop the gateway, so this is a warning. */
function reportPortClashes(config: RouteSections, report: ReportIssue): void {
  const { port, socksPort, mixedPort } = inboundPorts(config);
  const owners = new Map<number, string>();
  for (const [key, number] of [
    ['port', port],
    ['socks-port', socksPort],
    ['mixed-port', mixedPort],
  ] as const) {
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
