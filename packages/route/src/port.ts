import type { FlowMetadata } from '@sluice/core/ports/flow';

export type RouteMode = 'rule' | 'global' | 'direct';

/** The live settings of the route plane, in the control API's vocabulary. Ports are those really bound, 0 for none. */
export type RouteSettings = {
  readonly port: number;
  readonly socksPort: number;
  readonly mixedPort: number;
  readonly redirPort: number;
  readonly tproxyPort: number;
  /** User names only. */
  readonly authentication: readonly string[];
  readonly skipAuthPrefixes: readonly string[];
  readonly lanAllowedIps: readonly string[];
  readonly lanDisallowedIps: readonly string[];
  readonly allowLan: boolean;
  readonly bindAddress: string;
  readonly inboundTfo: boolean;
  readonly inboundMptcp: boolean;
  readonly mode: RouteMode;
  readonly ipv6: boolean;
  readonly tcpConcurrent: boolean;
  readonly findProcessMode: FindProcessMode;
  readonly interfaceName: string;
  readonly routingMark: number;
  readonly unifiedDelay: boolean;
  readonly sniffing: boolean;
  readonly geo: GeoSettings;
  readonly globalUa: string;
  readonly etagSupport: boolean;
  readonly keepAliveIdleSeconds: number;
  readonly keepAliveIntervalSeconds: number;
  readonly disableKeepAlive: boolean;
  /** First address of the fake-ip range with its prefix length replaced by 30, as the `tun` section shows it. */
  readonly tunAddress: string;
};

export type FindProcessMode = 'always' | 'strict' | 'off';

/** Where geo databases come from and how they are read. */
export type GeoSettings = {
  readonly urls: {
    readonly geoip: string;
    readonly mmdb: string;
    readonly asn: string;
    readonly geosite: string;
  };
  readonly autoUpdate: boolean;
  readonly updateIntervalHours: number;
  /** True when GEOIP rules read `GeoIP.dat` instead of an mmdb file. */
  readonly datMode: boolean;
  readonly loader: 'memconservative' | 'standard';
  readonly siteMatcher: 'succinct' | 'mph';
};

/** What can be changed without a reload; absent members stay as they are. */
export type RouteSettingsPatch = {
  readonly port?: number;
  readonly socksPort?: number;
  readonly mixedPort?: number;
  readonly redirPort?: number;
  readonly tproxyPort?: number;
  readonly allowLan?: boolean;
  readonly bindAddress?: string;
  readonly skipAuthPrefixes?: readonly string[];
  readonly lanAllowedIps?: readonly string[];
  readonly lanDisallowedIps?: readonly string[];
  readonly mode?: RouteMode;
  readonly ipv6?: boolean;
  readonly tcpConcurrent?: boolean;
  readonly findProcessMode?: FindProcessMode;
  readonly interfaceName?: string;
  /** Effective only where the configuration enables the sniffer. */
  readonly sniffing?: boolean;
};

/** One delay measurement; `delayMs` 0 means it failed. */
export type DelaySample = { readonly timeMs: number; readonly delayMs: number };

/** Delay state towards one test URL. */
export type UrlHealth = { readonly alive: boolean; readonly history: readonly DelaySample[] };

/** An outbound or a group as the control API shows it. */
export type OutboundView = {
  readonly id: string;
  readonly name: string;
  /** API type name: `Direct`, `Reject`, `RejectDrop`, `Http`, `Socks5`, `Shadowsocks`, `Selector`, `URLTest`, … */
  readonly type: string;
  readonly udp: boolean;
  /** UDP over TCP, XUDP, TCP Fast Open, Multipath TCP, stream multiplexing: what the configuration asks for. */
  readonly uot: boolean;
  readonly xudp: boolean;
  readonly tfo: boolean;
  readonly mptcp: boolean;
  readonly smux: boolean;
  readonly alive: boolean;
  readonly history: readonly DelaySample[];
  readonly extra: Readonly<Record<string, UrlHealth>>;
  readonly interfaceName: string;
  readonly routingMark: number;
  readonly dialerProxy: string;
  /** The proxy provider it comes from, `''` for those of the configuration and for groups. */
  readonly providerName: string;
  /** Why it can carry nothing; absent when it can. */
  readonly unavailable?: string;
  /** Present for groups. */
  readonly group?: GroupView;
};

export type GroupView = {
  /** Never empty; a name can be there twice when two providers have it. */
  readonly all: readonly string[];
  /** Absent for groups that choose anew for every connection (load-balance, relay). */
  readonly now?: string;
  readonly testUrl: string;
  /** Canonical ranges, `*` for any. */
  readonly expectedStatus: string;
  /** The member chosen by hand, `''` for none; present for url-test and fallback. */
  readonly fixed?: string;
  readonly emptyFallback: string;
  readonly hidden: boolean;
  readonly icon: string;
};

export type RuleView = {
  /** Place in the list. */
  readonly index: number;
  /** API type name, for example `DomainSuffix`. */
  readonly type: string;
  readonly payload: string;
  readonly proxy: string;
  /** Entries of a GEOIP or GEOSITE rule, -1 for other types. */
  readonly size: number;
  /** True when matching flows are handed to the inspect plane. */
  readonly inspect: boolean;
  readonly disabled: boolean;
  readonly hitCount: number;
  /** Milliseconds since the Unix epoch, 0 for never. */
  readonly hitAtMs: number;
  readonly missCount: number;
  readonly missAtMs: number;
};

/** A tracked TCP connection or UDP session. */
export type ConnectionView = {
  readonly id: string;
  readonly metadata: Readonly<FlowMetadata>;
  /** Bytes from the client. */
  readonly upload: number;
  /** Bytes to the client. */
  readonly download: number;
  /** Bytes in the last full second. */
  readonly uploadPerSecond: number;
  readonly downloadPerSecond: number;
  readonly startMs: number;
  /** Leaf first, outermost group last. */
  readonly chains: readonly string[];
  /** Proxy provider of each element of `chains`, `''` for none. */
  readonly providerChains: readonly string[];
  /** API rule type name, `''` when no rule chose. */
  readonly rule: string;
  readonly rulePayload: string;
  readonly inspected: boolean;
};

/** Bytes in the last full second and since the process started. */
export type TrafficView = {
  readonly up: number;
  readonly down: number;
  readonly upTotal: number;
  readonly downTotal: number;
};

/** A proxy provider as the control API shows it. */
export type ProxyProviderView = {
  readonly name: string;
  readonly vehicleType: VehicleType | 'Compatible';
  readonly proxies: readonly OutboundView[];
  readonly testUrl: string;
  readonly expectedStatus: string;
  /** Milliseconds since the Unix epoch, `undefined` for never. */
  readonly updatedAtMs: number | undefined;
  readonly subscription: SubscriptionInfo | undefined;
  /** Why the last refresh failed, `''` when it did not. */
  readonly lastError: string;
};

export type VehicleType = 'HTTP' | 'File' | 'Inline';

/** Bytes used and allowed; the end as seconds since the Unix epoch. */
export type SubscriptionInfo = {
  readonly upload: number;
  readonly download: number;
  readonly total: number;
  readonly expire: number;
};

/** A rule provider as the control API shows it. */
export type RuleProviderView = {
  readonly name: string;
  readonly behavior: 'Domain' | 'IPCIDR' | 'Classical';
  /** `''` for inline ones. */
  readonly format: 'YamlRule' | 'TextRule' | 'MrsRule' | '';
  readonly vehicleType: VehicleType;
  readonly ruleCount: number;
  readonly updatedAtMs: number | undefined;
  /** Inline ones only. */
  readonly payload?: readonly string[];
  readonly lastError: string;
};

/** Proxy and rule providers. Unknown names: GatewayError kind `not-found`; failed refreshes: kind `unavailable` with the text to show. */
export interface ProviderControl {
  /** Configured ones, then `default` and one `Compatible` for each group with its own members. */
  proxyProviders(): readonly ProxyProviderView[];
  proxyProvider(name: string): ProxyProviderView | undefined;
  /** Fetches or reads again. */
  updateProxyProvider(name: string): Promise<void>;
  /** Tests every node against every URL that is registered for it; resolves when all are done. */
  checkProxyProvider(name: string): Promise<void>;
  providerOutbound(provider: string, name: string): OutboundView | undefined;
  /** As `RouteControl.testDelay`, for a node of a provider. */
  testProviderDelay(
    provider: string,
    name: string,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
  ): Promise<number>;
  ruleProviders(): readonly RuleProviderView[];
  ruleProvider(name: string): RuleProviderView | undefined;
  updateRuleProvider(name: string): Promise<void>;
}

/** One resource record in presentation form; names end with a dot. */
export type DnsRecordView = {
  readonly name: string;
  /** Type number. */
  readonly type: number;
  readonly ttl: number;
  /** Zone-file form of the record data. */
  readonly data: string;
};

/** The answer to one question, without OPT records. */
export type DnsAnswerView = {
  readonly status: number;
  readonly question: { readonly name: string; readonly type: number; readonly class: number };
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
  readonly answers: readonly DnsRecordView[];
  readonly authorities: readonly DnsRecordView[];
  readonly additionals: readonly DnsRecordView[];
};

/** How one question was answered. */
export type DnsLogEntry = {
  readonly timeMs: number;
  readonly name: string;
  /** Mnemonic, for example `AAAA`. */
  readonly type: string;
  /** Who asked: `ip:port` of the client, or what inside the gateway: `rule`, `direct`, `node`, `api`. */
  readonly client: string;
  /** The path the answer took: hosts, fake-ip, cache, a policy (with its pattern), main, fallback, system, blocked by ipv6. */
  readonly via: string;
  /** The upstream that answered, `''` when none was asked. */
  readonly server: string;
  /** RCODE mnemonic, or `ERROR` when no upstream answered. */
  readonly status: string;
  readonly answers: readonly string[];
  readonly durationMs: number;
};

/** The resolver and the DNS server. */
export interface DnsControl {
  readonly enabled: boolean;
  /**
   * Asks the upstreams (policies and cache apply; hosts and fake-ip do not). `type` is an upper-case mnemonic.
   * @throws GatewayError `dns.disabled` (conflict), `dns.type` (invalid: `invalid query type`), `dns.failed` (unavailable)
   */
  query(name: string, type: string): Promise<DnsAnswerView>;
  /**
   * Answers a DNS message as the DNS server would, hosts and fake-ip included. A response longer than `limitBytes` (65535
   * unless told, at least 512) is cut, with TC set.
   * @throws GatewayError `dns.disabled`; `dns.message` (invalid) for bytes that are no query
   */
  answer(message: Uint8Array, client: string, limitBytes?: number): Promise<Uint8Array>;
  flushCache(): void;
  flushFakeIp(): void;
  /** The latest questions, newest first. */
  log(limit: number): readonly DnsLogEntry[];
  stats(): {
    readonly queries: number;
    readonly cacheHits: number;
    readonly cacheEntries: number;
    readonly fakeIps: number;
  };
}

/** Geo databases in the data directory. */
export interface GeoControl {
  /** Downloads those that are in use again. @throws GatewayError `geo.busy` (`GEO database is updating, skip`), `geo.update` with the text to show */
  update(): Promise<void>;
  databases(): readonly {
    readonly kind: 'mmdb' | 'asn' | 'geoip' | 'geosite';
    readonly path: string;
    readonly sizeBytes: number;
    readonly updatedAtMs: number;
  }[];
}

/** The small JSON store that web interfaces share. */
export interface StorageControl {
  get(key: string): Uint8Array | undefined;
  /** Keys over 64 bytes are not kept; the oldest entries make room when 1 MiB or 16384 entries are exceeded. */
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
}

/** What would happen to a connection, or did: one step a thing that was looked at. */
export type ExplainStep = {
  readonly stage:
    | 'destination'
    | 'hosts'
    | 'fake-ip'
    | 'mode'
    | 'rule'
    | 'dns'
    | 'process'
    | 'group'
    | 'outbound';
  readonly outcome: 'matched' | 'passed' | 'resolved' | 'failed' | 'skipped' | 'chosen';
  /** One sentence. */
  readonly text: string;
  /** Of `rule` steps: the place in the list. */
  readonly ruleIndex?: number;
};

export type ExplainRequest = {
  readonly host: string;
  readonly port: number;
  readonly network: 'tcp' | 'udp';
  readonly sourceIp: string;
  readonly inboundName?: string;
  readonly inboundType?: string;
  readonly inboundUser?: string;
  readonly process?: string;
};

export type Explanation = {
  readonly request: ExplainRequest;
  readonly steps: readonly ExplainStep[];
  /** Leaf first; empty when the flow would fail. */
  readonly chains: readonly string[];
  readonly rule: string;
  readonly rulePayload: string;
  readonly destinationIp: string;
  readonly inspected: boolean;
};

/** A rule that is tried before all others until it expires. */
export type TemporaryRuleView = {
  readonly id: string;
  /** The line as it was given. */
  readonly line: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly hitCount: number;
  readonly hitAtMs: number;
};

/** Bytes and connections by one thing, summed over whole hours. */
export type StatisticsRow = {
  readonly key: string;
  readonly connections: number;
  readonly upload: number;
  readonly download: number;
};

export type StatisticsQuery = {
  readonly by: 'client' | 'host' | 'rule' | 'outbound';
  /** Milliseconds since the Unix epoch; the hours that contain them are included. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
};

/** History of closed flows, kept on disk. */
export interface StatisticsControl {
  /** Largest first, by bytes in both directions. */
  top(query: StatisticsQuery): readonly StatisticsRow[];
  /** One row an hour (`key` = milliseconds of its start as text) over the period, oldest first; hours without traffic are left out. */
  timeline(fromMs: number, toMs: number): readonly StatisticsRow[];
  clear(): void;
}

/** An address that is really listened on. */
export type RouteListener = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly kind: 'http' | 'socks' | 'mixed' | 'redir' | 'tproxy' | 'tunnel' | 'dns';
};

/** The use cases of the route plane; the only thing dialects see of it. Errors are `GatewayError`s. */
export interface RouteControl {
  readonly providers: ProviderControl;
  readonly dns: DnsControl;
  readonly geo: GeoControl;
  readonly storage: StorageControl;
  readonly statistics: StatisticsControl;
  settings(): RouteSettings;
  /** Applies what is present; a listener that cannot bind is logged, not thrown. */
  patchSettings(patch: RouteSettingsPatch): Promise<void>;
  /** Built-ins, configured outbounds, groups in file order, then GLOBAL; nodes of providers are not among them. */
  outbounds(): readonly OutboundView[];
  outbound(name: string): OutboundView | undefined;
  /**
   * Chooses a member by hand (of url-test and fallback: fixes it). A fallback tests a dead member before it resolves.
   * @throws `route.not-a-group` (invalid), `route.not-a-member` (invalid), `route.outbound-not-found` (not-found)
   */
  select(group: string, member: string): Promise<void>;
  /** Lets a url-test or fallback group choose again. @throws `route.not-fixable` (invalid), `route.outbound-not-found` (not-found) */
  clearFixed(group: string): void;
  /** Milliseconds from dial start to response headers of a HEAD request. @throws kind `timeout` or `unavailable` */
  testDelay(name: string, url: string, timeoutMs: number, expectedStatus: string): Promise<number>;
  /**
   * Delay per member that answered; a url-test group uses its own URL, and url-test and fallback lose what was fixed.
   * @throws kind `timeout` when none did
   */
  testGroupDelay(
    name: string,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, number>>;
  rules(): readonly RuleView[];
  setRulesDisabled(flags: ReadonlyMap<number, boolean>): void;
  temporaryRules(): readonly TemporaryRuleView[];
  /** @throws `route.rule` (invalid) with the rule parser's text */
  addTemporaryRule(line: string, ttlSeconds: number): TemporaryRuleView;
  /** False when the id is unknown. */
  removeTemporaryRule(id: string): boolean;
  /** What would happen to such a connection now; nothing is counted and nothing dialed but DNS. */
  explain(request: ExplainRequest): Promise<Explanation>;
  connections(): readonly ConnectionView[];
  /** Closes one connection; false when the id is unknown. */
  closeConnection(id: string): boolean;
  closeAllConnections(): void;
  traffic(): TrafficView;
  /** Addresses really listened on, for the start screen and the dashboard. */
  listeners(): readonly RouteListener[];
  /** Downloads the web interface archive and puts it in place of the present one. @throws GatewayError `ui.update` with the text to show */
  updateUi(): Promise<void>;
}
