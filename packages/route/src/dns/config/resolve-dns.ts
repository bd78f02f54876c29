import { type Endpoint, parseEndpoint } from '@sluice/base/address';
import { isDomainPattern } from '@sluice/base/domain-patterns';
import { errorText, GatewayError } from '@sluice/base/errors';
import { parseCidr } from '@sluice/base/ip';
import type { ConfigPath, ReportIssue } from '@sluice/core/config/issue';
import type { GeoSource } from '../../geo/geo-source.ts';
import { FakeIpFilter, type FakeIpFilterMode } from '../fake-ip/fake-ip-filter.ts';
import { FakeIpRange } from '../fake-ip/fake-ip-range.ts';
import type { FallbackFilterConfig, ResolverConfig } from '../resolver/resolver-config.ts';
import type { UpstreamConfig } from '../upstream/upstream-config.ts';
import type { RawDns } from './dns-schema.ts';
import { geoSiteTest, type NameSources } from './name-matchers.ts';
import { resolveDefaultServers, resolvePolicy, resolveServers } from './resolve-servers.ts';
import type { EnhancedMode, FakeIpConfig, ResolvedDns } from './resolved-dns.ts';

/** What the section refers to; geo databases must be on disk (see `dnsGeoNeeds`) when DNS is enabled. */
export type DnsSources = NameSources & {
  /** `profile.store-fake-ip`. */
  readonly storesFakeIp: boolean;
};

const DEFAULT_RANGE = '198.18.0.1/16';
const MODES: readonly EnhancedMode[] = ['normal', 'fake-ip', 'redir-host'];
const FILTER_MODES: readonly FakeIpFilterMode[] = ['blacklist', 'whitelist', 'rule'];

const EMPTY_LIST = { size: 0, matches: () => false } as const;

/** For parts that are not in use: a database they name need not be there. */
function withoutGeo(sources: DnsSources): DnsSources {
  const geo: GeoSource = {
    datMode: false,
    countriesOf: () => [],
    asnOf: () => ({ number: '', organization: '' }),
    siteList: () => EMPTY_LIST,
    ipList: () => EMPTY_LIST,
    ipListSize: () => 0,
  };
  return { ...sources, geo };
}

/** Which geo databases the section reads. */
export function dnsGeoNeeds(raw: RawDns): { readonly countries: boolean; readonly sites: boolean } {
  if (!raw.enable) return { countries: false, sites: false };
  const filter = raw['fallback-filter'];
  const hasFallback = raw.fallback.length > 0;
  const entries = [
    ...Object.keys(raw['nameserver-policy']),
    ...Object.keys(raw['proxy-server-nameserver-policy']),
    ...raw['fake-ip-filter'],
  ];
  return {
    countries: hasFallback && filter.geoip,
    sites:
      (hasFallback && filter.geosite.length > 0) ||
      entries.some((entry) => /^\s*geosite\s*[:,]/i.test(entry)),
  };
}

/** Checks the section and makes it ready for use; what is in error is reported, at paths that start with `dns`, and left out. */
export function resolveDns(raw: RawDns, given: DnsSources, report: ReportIssue): ResolvedDns {
  const sources = raw.enable ? given : withoutGeo(given);
  const at = (...path: ConfigPath): ConfigPath => ['dns', ...path];
  if (raw.enable && raw.nameserver.length === 0) {
    report('error', at('nameserver'), 'if DNS configuration is turned on, NameServer cannot be empty');
  }
  if (raw['respect-rules'] && raw['proxy-server-nameserver'].length === 0) {
    report(
      'error',
      at('respect-rules'),
      'if “respect-rules” is turned on, “proxy-server-nameserver” cannot be empty',
    );
  }
  const resolver = resolveResolver(raw, sources, report);
  return {
    enabled: raw.enable,
    listen: resolveListen(raw.listen, at('listen'), report),
    mode: wordOf(raw['enhanced-mode'], MODES, 'redir-host', at('enhanced-mode'), report),
    ipv6: raw.ipv6,
    usesHosts: raw['use-hosts'],
    usesSystemHosts: raw['use-system-hosts'],
    resolver,
    fakeIp: resolveFakeIp(raw, resolver.fallback, sources, report),
  };
}

function resolveResolver(raw: RawDns, sources: DnsSources, report: ReportIssue): ResolverConfig {
  const respects = raw['respect-rules'];
  const servers = (key: 'nameserver' | 'fallback' | 'proxy-server-nameserver' | 'direct-nameserver') =>
    // Names of proxies must be found without a proxy, so these lists never follow the rules by themselves.
    resolveServers(raw[key], respects && (key === 'nameserver' || key === 'fallback'), ['dns', key], report);
  const policy = (key: 'nameserver-policy' | 'proxy-server-nameserver-policy') =>
    resolvePolicy(raw[key], respects && key === 'nameserver-policy', ['dns', key], sources, report);
  const proxyServerPolicy = policy('proxy-server-nameserver-policy');
  if (proxyServerPolicy.length > 0 && raw['proxy-server-nameserver'].length === 0) {
    report(
      'error',
      ['dns', 'proxy-server-nameserver-policy'],
      'if “proxy-server-nameserver-policy” is set, “proxy-server-nameserver” cannot be empty',
    );
  }
  const fallback = servers('fallback');
  return {
    defaultServers: resolveDefaultServers(raw['default-nameserver'], ['dns', 'default-nameserver'], report),
    main: servers('nameserver'),
    fallback,
    fallbackIsLazy: raw['fallback-lazy-query'],
    fallbackFilter: resolveFallbackFilter(raw, fallback.length === 0 ? withoutGeo(sources) : sources, report),
    policy: policy('nameserver-policy'),
    proxyServer: servers('proxy-server-nameserver'),
    proxyServerPolicy,
    direct: servers('direct-nameserver'),
    directFollowsPolicy: raw['direct-nameserver-follow-policy'],
    cacheAlgorithm: raw['cache-algorithm'] === 'lru' ? 'lru' : 'arc',
    ipv6TimeoutMs: raw['ipv6-timeout'],
  };
}

/** The databases that `sources` reads must be there. */
function resolveFallbackFilter(raw: RawDns, sources: DnsSources, report: ReportIssue): FallbackFilterConfig {
  const filter = raw['fallback-filter'];
  const code = filter['geoip-code'];
  const good = (
    key: 'geosite' | 'ipcidr' | 'domain',
    name: string,
    check: (entry: string) => void,
  ): readonly string[] =>
    filter[key].filter((entry, index) =>
      passes(
        () => check(entry),
        (message) =>
          report(
            'error',
            ['dns', 'fallback-filter', key, index],
            `DNS ${name}[${index}] format error: ${message}`,
          ),
      ),
    );
  const geoip =
    filter.geoip &&
    passes(
      () => {
        if (sources.geo.datMode) sources.geo.ipList(code.toLowerCase());
        else sources.geo.countriesOf('0.0.0.0');
      },
      (message) =>
        report(
          'error',
          ['dns', 'fallback-filter', 'geoip'],
          `load GeoIP dns fallback filter error, ${message}`,
        ),
    );
  return {
    geoip,
    geoipCode: code,
    geosite: good('geosite', 'FallbackGeosite', (list) => {
      geoSiteTest(list, sources);
    }),
    ipcidr: good('ipcidr', 'FallbackIP', checkPrefix),
    domain: good('domain', 'FallbackDomain', checkPattern),
  };
}

function resolveFakeIp(
  raw: RawDns,
  fallback: readonly UpstreamConfig[],
  sources: DnsSources,
  report: ReportIssue,
): FakeIpConfig {
  const range = (key: 'fake-ip-range' | 'fake-ip-range6', family: 4 | 6): FakeIpRange | undefined => {
    const problem = (message: string): undefined => void report('error', ['dns', key], message);
    try {
      const parsed = new FakeIpRange(raw[key]);
      return parsed.family === family ? parsed : problem(`"${raw[key]}" is not an IPv${family} prefix`);
    } catch (error) {
      return problem(errorText(error));
    }
  };
  const mode = wordOf(
    raw['fake-ip-filter-mode'],
    FILTER_MODES,
    'blacklist',
    ['dns', 'fake-ip-filter-mode'],
    report,
  );
  // The answers of fallback servers depend on their own names having real addresses.
  const fallbackHosts = fallback.flatMap((server) => ('server' in server ? [server.server.host] : []));
  return {
    range: range('fake-ip-range', 4) ?? new FakeIpRange(DEFAULT_RANGE),
    range6: raw['fake-ip-range6'] === '' ? undefined : range('fake-ip-range6', 6),
    filter: FakeIpFilter.compile(
      mode,
      raw['fake-ip-filter'],
      fallbackHosts,
      sources,
      (severity, index, message) => report(severity, ['dns', 'fake-ip-filter', index], message),
    ),
    ttlSeconds: raw['fake-ip-ttl'],
    isStored: sources.storesFakeIp,
  };
}

/** Port 0 means no listener, as an empty text does. */
function resolveListen(text: string, path: ConfigPath, report: ReportIssue): Endpoint | undefined {
  if (text.trim() === '') return undefined;
  try {
    const endpoint = parseEndpoint(text.trim());
    return endpoint.port === 0 ? undefined : endpoint;
  } catch (error) {
    // Found out when the server starts by the reference kernel, so it must not stop the load.
    report('warning', path, `Start DNS server error: ${errorText(error)}`);
    return undefined;
  }
}

function wordOf<T extends string>(
  text: string,
  words: readonly T[],
  otherwise: T,
  path: ConfigPath,
  report: ReportIssue,
): T {
  const word = words.find((each) => each === text.toLowerCase());
  if (word === undefined)
    report('error', path, 'invalid mode', { expected: `one of ${words.join(', ')}`, found: text });
  return word ?? otherwise;
}

function passes(check: () => void, onError: (message: string) => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    onError(error.message);
    return false;
  }
}

function checkPrefix(text: string): void {
  if (parseCidr(text.trim()) === undefined)
    throw new GatewayError('invalid', 'dns.prefix', `invalid CIDR address: ${text}`);
}

function checkPattern(text: string): void {
  if (!isDomainPattern(text)) throw new GatewayError('invalid', 'dns.pattern', 'invalid domain');
}
