import { errorText, GatewayError } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import { type IntRange, parseIntRanges } from '../rule/int-ranges.ts';
import { compileAddressList, compileDomainList, type ListSources, type ListTest } from './address-list.ts';
import type { RawSniffer } from './sniffer-schema.ts';

const PROTOCOLS = ['tls', 'http', 'quic'] as const;
export type SniffProtocol = (typeof PROTOCOLS)[number];

/** Where one protocol is looked for. */
export type SniffRule = {
  readonly protocol: SniffProtocol;
  /** Destination ports. */
  readonly ports: readonly IntRange[];
  /** Whether a name that is found replaces the destination. */
  readonly override: boolean;
};

/** The `sniffer` section, checked and compiled. */
export type SnifferConfig = {
  readonly enabled: boolean;
  readonly forceDnsMapping: boolean;
  readonly parsePureIp: boolean;
  readonly rules: readonly SniffRule[];
  readonly forceDomain: ListTest;
  readonly skipDomain: ListTest;
  readonly skipSource: ListTest;
  readonly skipDestination: ListTest;
};

const DEFAULT_PORTS: Readonly<Record<SniffProtocol, string>> = { tls: '443', http: '80', quic: '443' };
const MAX_PORT = 65_535;
const NOTHING: ListTest = () => false;

/** Checks and compiles the section; paths of what is reported begin with `sniffer`. */
export function resolveSniffer(raw: RawSniffer, sources: ListSources, report: ReportIssue): SnifferConfig {
  const list = (key: keyof RawSniffer & ListKey, compile: typeof compileDomainList): ListTest => {
    try {
      return compile(raw[key], sources);
    } catch (error) {
      // Geo files are not fetched for a sniffer that is off.
      if (!raw.enable && error instanceof GatewayError && error.code === 'geo.missing') return NOTHING;
      report('error', ['sniffer', key], `error in ${key}, error:${errorText(error)}`);
      return NOTHING;
    }
  };
  const rules = resolveRules(raw, report);
  if (raw.enable && rules.length === 0)
    report('warning', ['sniffer', 'sniff'], 'the sniffer is enabled, but no protocol is listed');
  return {
    enabled: raw.enable,
    forceDnsMapping: raw['force-dns-mapping'],
    parsePureIp: raw['parse-pure-ip'],
    rules,
    forceDomain: list('force-domain', compileDomainList),
    skipDomain: list('skip-domain', compileDomainList),
    skipSource: list('skip-src-address', compileAddressList),
    skipDestination: list('skip-dst-address', compileAddressList),
  };
}

type ListKey = 'force-domain' | 'skip-domain' | 'skip-src-address' | 'skip-dst-address';

function resolveRules(raw: RawSniffer, report: ReportIssue): readonly SniffRule[] {
  const written = Object.entries(raw.sniff);
  const isOld = written.length === 0;
  const wanted = isOld
    ? raw.sniffing.map((name, index) => ({
        name,
        path: ['sniffer', 'sniffing', index],
        ports: raw['port-whitelist'],
        override: raw['override-destination'],
      }))
    : written.map(([name, each]) => ({
        name,
        path: ['sniffer', 'sniff', name],
        ports: each.ports ?? [],
        override: each['override-destination'] ?? raw['override-destination'],
      }));
  const rules = new Map<SniffProtocol, SniffRule>();
  for (const { name, path, ports, override } of wanted) {
    const protocol = PROTOCOLS.find((each) => each === name.toLowerCase());
    if (protocol === undefined) {
      report('error', path, `not find the sniffer[${name}]`);
      continue;
    }
    try {
      const text = ports.length === 0 ? DEFAULT_PORTS[protocol] : ports.join('/');
      rules.set(protocol, { protocol, ports: parseIntRanges(text, MAX_PORT), override });
    } catch (error) {
      report('error', path, errorText(error));
    }
  }
  return PROTOCOLS.flatMap((protocol) => rules.get(protocol) ?? []);
}
