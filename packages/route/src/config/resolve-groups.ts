import { errorText, GatewayError } from '@sluice/base/errors';
import type { ConfigPath, ReportIssue } from '@sluice/core/config/issue';
import { formatIntRanges, parseIntRanges } from '../rule/int-ranges.ts';
import { groupLoops } from './group-loops.ts';
import type { RawGroup } from './group-schema.ts';
import { compileNamePattern, compileNamePatterns } from './name-pattern.ts';
import {
  type BalanceStrategy,
  BUILT_IN_OUTBOUNDS,
  DEFAULT_TEST_URL,
  type GroupConfig,
  type GroupKind,
  type ProxyConfig,
} from './proxy-config.ts';

const KINDS: readonly GroupKind[] = ['select', 'url-test', 'fallback', 'load-balance', 'relay'];
const STRATEGIES: readonly BalanceStrategy[] = ['consistent-hashing', 'round-robin', 'sticky-sessions'];
const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_INTERVAL_SECONDS = 300;
const DEFAULT_MAX_FAILED_TIMES = 5;
const MAX_STATUS = 65_535;
const EMPTY_GROUP_MEMBER = 'COMPATIBLE';

const API_TYPES = {
  direct: 'Direct',
  reject: 'Reject',
  dns: 'Dns',
  http: 'Http',
  socks5: 'Socks5',
  ss: 'Shadowsocks',
  ssr: 'ShadowsocksR',
  vmess: 'Vmess',
  vless: 'Vless',
  trojan: 'Trojan',
  snell: 'Snell',
  anytls: 'AnyTLS',
  ssh: 'Ssh',
  hysteria: 'Hysteria',
  hysteria2: 'Hysteria2',
  tuic: 'Tuic',
  wireguard: 'WireGuard',
  mieru: 'Mieru',
} as const;

/** The control API's type name of an outbound. */
export function apiTypeOf(proxy: ProxyConfig): string {
  return proxy.type === 'unavailable' ? proxy.apiType : API_TYPES[proxy.type];
}

/** What groups can refer to. */
type Known = {
  readonly proxies: readonly ProxyConfig[];
  /** Names of outbounds, built-ins and groups. */
  readonly members: ReadonlySet<string>;
  /** Names of outbounds and built-ins. */
  readonly outbounds: ReadonlySet<string>;
  /** Provider → URL of its health check, `''` for none. */
  readonly providers: ReadonlyMap<string, string>;
  /** Groups with members of their own. */
  readonly owners: ReadonlySet<string>;
};

/**
 * Checks `proxy-groups` against the outbounds and providers; groups in error are reported and left out.
 * @param providers name → URL of the provider's health check, `''` for none
 */
export function resolveGroups(
  groups: readonly RawGroup[],
  proxies: readonly ProxyConfig[],
  providers: ReadonlyMap<string, string>,
  report: ReportIssue,
): GroupConfig[] {
  const outbounds = new Set<string>([...BUILT_IN_OUTBOUNDS, ...proxies.map(({ name }) => name)]);
  const named = reportNames(groups, outbounds, report);
  reportLoops(named, report);
  // GLOBAL holds every group, so it can be a member of one only where the configuration defines it.
  const members = new Set([...outbounds, ...groups.flatMap(({ name }) => name ?? [])]);
  const owners = new Set(groups.filter(hasOwnMembers).flatMap(({ name }) => name ?? []));
  const known: Known = { proxies, members, outbounds, providers, owners };
  return named.flatMap(([index, name, raw]) => {
    const path = ['proxy-groups', index];
    try {
      const group = resolveGroup(name, raw, known);
      warnDeprecated(group, path, report);
      warnMissingFallback(raw, group, path, report);
      return [group];
    } catch (error) {
      report('error', path, `proxy group[${index}]: ${errorText(error)}`);
      return [];
    }
  });
}

type NamedGroup = readonly [index: number, name: string, raw: RawGroup];

/** The groups whose names are there and are nobody else's. */
function reportNames(
  groups: readonly RawGroup[],
  outbounds: ReadonlySet<string>,
  report: ReportIssue,
): NamedGroup[] {
  const taken = new Set<string>();
  return groups.flatMap((raw, index) => {
    const { name = '' } = raw;
    const path = ['proxy-groups', index];
    if (name === '') report('error', path, `proxy group ${index}: missing name`);
    else if (taken.has(name)) report('error', [...path, 'name'], `ProxyGroup ${name}: duplicate group name`);
    else if (outbounds.has(name))
      report('error', [...path, 'name'], `proxy group ${name}: the duplicate name`);
    else {
      taken.add(name);
      return [[index, name, raw] as const];
    }
    return [];
  });
}

function reportLoops(groups: readonly NamedGroup[], report: ReportIssue): void {
  const names = groupLoops(new Map(groups.map(([, name, raw]) => [name, raw.proxies ?? []])));
  const index = groups.find(([, name]) => name === names[0])?.[0];
  if (index === undefined) return;
  const text = `loop is detected in ProxyGroup, please check following ProxyGroups: [${names.join(' ')}]`;
  report('error', ['proxy-groups', index, 'proxies'], text);
}

function hasOwnMembers(raw: RawGroup): boolean {
  return (raw.proxies ?? []).length > 0 || includesProxies(raw);
}

function includesProxies(raw: RawGroup): boolean {
  return raw['include-all'] === true || raw['include-all-proxies'] === true;
}

function includesProviders(raw: RawGroup): boolean {
  return raw['include-all'] === true || raw['include-all-providers'] === true;
}

function resolveGroup(name: string, raw: RawGroup, known: Known): GroupConfig {
  const { type = '' } = raw;
  if (type === '') throw invalid('format error');
  const filters = compile(name, raw.filter ?? '', compileNamePatterns);
  const use = includesProviders(raw) ? [...known.providers.keys()].sort(byCodePoint) : [...(raw.use ?? [])];
  const proxies = ownMembers(raw, filters, use, known);
  if (proxies.length === 0 && use.length === 0) throw invalid(`${name}: \`use\` or \`proxies\` missing`);
  const status = expectedStatus(name, raw['expected-status'] ?? '*');
  checkReferences(name, proxies, use, known);
  const kind = KINDS.find((each) => each === type);
  if (kind === undefined) throw invalid(`unsupported type: ${type}`);
  const fallback = raw['empty-fallback'] ?? EMPTY_GROUP_MEMBER;
  return {
    name,
    type: kind,
    proxies,
    use,
    testUrl: raw.url || use.map((each) => known.providers.get(each)).find((url) => url) || DEFAULT_TEST_URL,
    intervalSeconds: intervalSeconds(raw, kind, proxies),
    timeoutMs: positive(raw.timeout) ?? DEFAULT_TIMEOUT_MS,
    maxFailedTimes: positive(raw['max-failed-times']) ?? DEFAULT_MAX_FAILED_TIMES,
    lazy: raw.lazy ?? true,
    expectedStatus: status,
    disableUdp: raw['disable-udp'] ?? false,
    filters,
    excludeFilters: compile(name, raw['exclude-filter'] ?? '', compileExclusions),
    excludeTypes: (raw['exclude-type'] ?? '')
      .toLowerCase()
      .split('|')
      .filter((each) => each !== ''),
    toleranceMs: Math.max(0, raw.tolerance ?? 0),
    strategy: strategy(raw, kind),
    hidden: raw.hidden ?? false,
    icon: raw.icon ?? '',
    interfaceName: raw['interface-name'] ?? '',
    routingMark: raw['routing-mark'] ?? 0,
    defaultSelected: raw['default-selected'] ?? '',
    emptyFallback: known.outbounds.has(fallback) ? fallback : EMPTY_GROUP_MEMBER,
  };
}

/** The members that are written, then every outbound by name where that is asked for. */
function ownMembers(
  raw: RawGroup,
  filters: readonly RegExp[],
  use: readonly string[],
  known: Known,
): string[] {
  const members = raw.proxies ?? [];
  if (!includesProxies(raw)) return [...members];
  const sorted = known.proxies.map(({ name }) => name).sort(byCodePoint);
  const wanted =
    filters.length === 0 ? sorted : filters.flatMap((filter) => sorted.filter((each) => filter.test(each)));
  const all = [...new Set([...members, ...wanted])];
  return all.length === 0 && use.length === 0 ? [EMPTY_GROUP_MEMBER] : all;
}

function checkReferences(
  name: string,
  proxies: readonly string[],
  use: readonly string[],
  { members, providers, owners }: Known,
): void {
  for (const provider of use) {
    if (providers.has(provider)) continue;
    throw invalid(
      owners.has(provider)
        ? `${name}: proxy group ${provider} can't contains in \`use\``
        : `${name}: '${provider}' not found`,
    );
  }
  const unknown = proxies.find((member) => !members.has(member));
  if (unknown !== undefined) throw invalid(`${name}: '${unknown}' not found`);
  // Own members are a provider under the group's name.
  if (proxies.length > 0 && providers.has(name)) throw invalid(`${name}: duplicate provider name`);
}

function intervalSeconds(raw: RawGroup, kind: GroupKind, proxies: readonly string[]): number {
  const isAutomatic = proxies.length > 0 && kind !== 'select' && kind !== 'relay';
  return positive(raw.interval) ?? (isAutomatic ? DEFAULT_INTERVAL_SECONDS : 0);
}

function strategy({ strategy: text }: RawGroup, kind: GroupKind): BalanceStrategy {
  const found = text === undefined || text === '' ? STRATEGIES[0] : STRATEGIES.find((each) => each === text);
  if (found === undefined && kind === 'load-balance') throw invalid(`unsupported strategy: ${text}`);
  return found ?? 'consistent-hashing';
}

function expectedStatus(name: string, text: string): string {
  try {
    return formatIntRanges(parseIntRanges(text, MAX_STATUS));
  } catch (error) {
    throw invalid(`${name}: ${errorText(error)}`);
  }
}

function compile(name: string, source: string, compiler: (source: string) => RegExp[]): RegExp[] {
  try {
    return compiler(source);
  } catch (error) {
    throw invalid(`${name}: ${errorText(error)}`);
  }
}

/** An empty expression would match, and so exclude, everything. */
function compileExclusions(sources: string): RegExp[] {
  return sources
    .split('`')
    .filter((source) => source !== '')
    .map(compileNamePattern);
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

/** The order of the names' code points, whatever planes they are in. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function warnDeprecated({ name, ...group }: GroupConfig, path: ConfigPath, report: ReportIssue): void {
  if (group.type === 'relay') {
    const text = `group ${name}: type relay is deprecated, use dialer-proxy instead`;
    report('warning', [...path, 'type'], text);
  }
  if (group.interfaceName !== '' || group.routingMark !== 0) {
    const text = `group ${name}: interface-name and routing-mark are deprecated, set them on the proxies`;
    report('warning', path, text);
  }
}

function warnMissingFallback(
  { 'empty-fallback': wanted }: RawGroup,
  { name, emptyFallback }: GroupConfig,
  path: ConfigPath,
  report: ReportIssue,
): void {
  if (wanted === undefined || wanted === emptyFallback) return;
  const text = `group ${name}: empty-fallback '${wanted}' is no proxy, ${emptyFallback} is used`;
  report('warning', [...path, 'empty-fallback'], text);
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid', 'route.group', message);
}
