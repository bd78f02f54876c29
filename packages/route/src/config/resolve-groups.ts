import { errorText, GatewayError } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import { formatIntRanges, parseIntRanges } from '../rule/int-ranges.ts';
import type { RawGroup } from './group-schema.ts';
import { BUILT_IN_OUTBOUNDS, DEFAULT_TEST_URL, type GroupConfig, type ProxyConfig } from './proxy-config.ts';

const SERVED_AS_SELECT: readonly string[] = ['url-test', 'fallback', 'load-balance', 'relay'];
const STRATEGIES: readonly string[] = ['consistent-hashing', 'round-robin', 'sticky-sessions'];
const DEFAULT_TIMEOUT_MS = 5000;
const MAX_STATUS = 65_535;
const EMPTY_GROUP_MEMBER = 'COMPATIBLE';

const API_TYPES = {
  direct: 'Direct',
  reject: 'Reject',
  http: 'Http',
  socks5: 'Socks5',
  ss: 'Shadowsocks',
} as const;

/** The control API's type name of an outbound. */
export function apiTypeOf(proxy: ProxyConfig): string {
  return proxy.type === 'unavailable' ? proxy.apiType : API_TYPES[proxy.type];
}

/** Checks `proxy-groups` against the outbounds; groups in error are reported and left out. */
export function resolveGroups(
  groups: readonly RawGroup[],
  proxies: readonly ProxyConfig[],
  report: ReportIssue,
): GroupConfig[] {
  const taken = new Set<string>([...BUILT_IN_OUTBOUNDS, ...proxies.map(({ name }) => name)]);
  // GLOBAL holds every group, so it can be a member of one only where the configuration defines it.
  const known = new Set<string>([...taken, ...groups.flatMap(({ name }) => name ?? [])]);
  const resolved: GroupConfig[] = [];
  for (const [index, raw] of groups.entries()) {
    const path = ['proxy-groups', index];
    const name = raw.name ?? '';
    if (name === '') {
      report('error', path, `proxy group ${index}: missing name`);
      continue;
    }
    if (taken.has(name)) {
      report('error', [...path, 'name'], `proxy group ${name}: the duplicate name`);
      continue;
    }
    taken.add(name);
    try {
      resolved.push(resolveGroup(name, raw, proxies, known));
      warnUnserved(name, raw, path, report);
    } catch (error) {
      report('error', path, `proxy group[${index}]: ${errorText(error)}`);
    }
  }
  reportLoops(resolved, report, groups);
  return resolved;
}

function resolveGroup(
  name: string,
  raw: RawGroup,
  proxies: readonly ProxyConfig[],
  known: ReadonlySet<string>,
): GroupConfig {
  const type = raw.type ?? '';
  if (type === '') throw invalid('format error');
  if (type !== 'select' && !SERVED_AS_SELECT.includes(type)) throw invalid(`unsupported type: ${type}`);
  if (type === 'load-balance' && raw.strategy !== undefined && !STRATEGIES.includes(raw.strategy)) {
    throw invalid(`unsupported strategy: ${raw.strategy}`);
  }
  const includesAll = raw['include-all'] === true || raw['include-all-proxies'] === true;
  const hasProviders = (raw.use ?? []).length > 0 || raw['include-all-providers'] === true;
  if ((raw.proxies ?? []).length === 0 && !hasProviders && !includesAll) {
    throw invalid(`${name}: \`use\` or \`proxies\` missing`);
  }
  const unknown = raw.proxies?.find((member) => !known.has(member));
  if (unknown !== undefined) throw invalid(`${name}: '${unknown}' not found`);
  const emptyFallback = raw['empty-fallback'] ?? EMPTY_GROUP_MEMBER;
  const members = membersOf(raw, proxies, includesAll);
  return {
    name,
    type: 'select',
    members: members.length > 0 ? members : [known.has(emptyFallback) ? emptyFallback : EMPTY_GROUP_MEMBER],
    testUrl: raw.url === undefined || raw.url === '' ? DEFAULT_TEST_URL : raw.url,
    intervalSeconds: Math.max(0, raw.interval ?? 0),
    timeoutMs: raw.timeout === undefined || raw.timeout <= 0 ? DEFAULT_TIMEOUT_MS : raw.timeout,
    expectedStatus: expectedStatus(name, raw['expected-status'] ?? '*'),
    disableUdp: raw['disable-udp'] ?? false,
    hidden: raw.hidden ?? false,
    icon: raw.icon ?? '',
    interfaceName: raw['interface-name'] ?? '',
    defaultSelected: raw['default-selected'] ?? '',
  };
}

function expectedStatus(name: string, text: string): string {
  try {
    return formatIntRanges(parseIntRanges(text, MAX_STATUS));
  } catch (error) {
    throw invalid(`${name}: ${errorText(error)}`);
  }
}

/** Own members first, then every outbound by name where that is asked for, then the exclusions. */
function membersOf(raw: RawGroup, proxies: readonly ProxyConfig[], includesAll: boolean): string[] {
  const members = new Set(raw.proxies ?? []);
  if (includesAll) {
    const filters = raw.filter === undefined ? [] : raw.filter.split('`').map(pattern);
    const sorted = proxies.map(({ name }) => name).sort();
    const wanted =
      filters.length === 0 ? sorted : filters.flatMap((filter) => sorted.filter((name) => filter.test(name)));
    for (const name of wanted) members.add(name);
  }
  const types = new Set((raw['exclude-type'] ?? '').toLowerCase().split('|'));
  const typeOf = new Map(proxies.map((proxy) => [proxy.name, apiTypeOf(proxy).toLowerCase()]));
  const excluded = (raw['exclude-filter'] ?? '')
    .split('`')
    .filter((text) => text !== '')
    .map(pattern);
  return [...members].filter(
    (name) => !types.has(typeOf.get(name) ?? '-') && !excluded.some((filter) => filter.test(name)),
  );
}

/** A user's expression, with a leading `(?i)` as the flag. */
function pattern(text: string): RegExp {
  const ignoreCase = text.startsWith('(?i)');
  try {
    return new RegExp(ignoreCase ? text.slice(4) : text, ignoreCase ? 'iu' : 'u');
  } catch (error) {
    throw invalid(errorText(error));
  }
}

function warnUnserved(
  name: string,
  raw: RawGroup,
  path: readonly (string | number)[],
  report: ReportIssue,
): void {
  if (raw.type !== 'select') {
    report(
      'warning',
      [...path, 'type'],
      `group ${name}: type ${raw.type} is served as select by this version`,
    );
  }
  if ((raw.use ?? []).length > 0 || raw['include-all-providers'] === true) {
    report('warning', path, `group ${name}: proxy providers are not served by this version`);
  }
}

function reportLoops(groups: readonly GroupConfig[], report: ReportIssue, raw: readonly RawGroup[]): void {
  const open = new Map(groups.map(({ name, members }) => [name, members]));
  // A group whose members are all settled is settled; what is left over is in a loop or leads into one.
  for (let before = -1; before !== open.size; ) {
    before = open.size;
    for (const [name, members] of open) {
      if (!members.some((member) => open.has(member))) open.delete(name);
    }
  }
  const [first] = open.keys();
  if (first === undefined) return;
  const names = [...open.keys()].join(' ');
  const index = raw.findIndex(({ name }) => name === first);
  const text = `loop is detected in ProxyGroup, please check following ProxyGroups: [${names}]`;
  report('error', ['proxy-groups', index, 'proxies'], text);
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid', 'route.group', message);
}
