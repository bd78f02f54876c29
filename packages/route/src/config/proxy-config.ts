import type { OutboundTraits } from '../outbound/outbound.ts';

/** What every outbound can have. */
type OutboundCommon = {
  readonly name: string;
  readonly ipVersion: 'dual' | 'ipv4' | 'ipv6' | 'ipv4-prefer' | 'ipv6-prefer';
  readonly udp: boolean;
  readonly traits: OutboundTraits;
};

type ServerCommon = OutboundCommon & {
  readonly server: string;
  readonly port: number;
};

/** How to speak TLS to a proxy server. */
export type ProxyTls = {
  readonly serverName: string;
  readonly skipCertVerify: boolean;
  /** Lower-case hexadecimal SHA-256 of the one certificate to accept, `''` for ordinary verification. */
  readonly fingerprint: string;
};

export type DirectProxyConfig = OutboundCommon & { readonly type: 'direct' };

export type RejectProxyConfig = OutboundCommon & { readonly type: 'reject' };

export type DnsProxyConfig = OutboundCommon & { readonly type: 'dns' };

export type HttpProxyConfig = ServerCommon & {
  readonly type: 'http';
  readonly username: string;
  readonly password: string;
  readonly tls: ProxyTls | undefined;
  readonly headers: Readonly<Record<string, string>>;
};

export type Socks5ProxyConfig = ServerCommon & {
  readonly type: 'socks5';
  readonly username: string;
  readonly password: string;
  readonly tls: ProxyTls | undefined;
};

export type ShadowsocksProxyConfig = ServerCommon & {
  readonly type: 'ss';
  readonly cipher: 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' | 'chacha20-ietf-poly1305';
  readonly password: string;
};

/** A node of a kind that this version cannot serve: it is listed, and every dial fails with `reason`. */
export type UnavailableProxyConfig = OutboundCommon & {
  readonly type: 'unavailable';
  /** The control API's type name, for example `Vmess`. */
  readonly apiType: string;
  readonly reason: string;
};

/** A checked entry of `proxies`. */
export type ProxyConfig =
  | DirectProxyConfig
  | RejectProxyConfig
  | DnsProxyConfig
  | HttpProxyConfig
  | Socks5ProxyConfig
  | ShadowsocksProxyConfig
  | UnavailableProxyConfig;

export type GroupKind = 'select' | 'url-test' | 'fallback' | 'load-balance' | 'relay';
export type BalanceStrategy = 'consistent-hashing' | 'round-robin' | 'sticky-sessions';

/** A checked entry of `proxy-groups`. */
export type GroupConfig = {
  readonly name: string;
  readonly type: GroupKind;
  /** Names of outbounds, groups and built-ins: its own, then those that `include-all-proxies` appends. */
  readonly proxies: readonly string[];
  /** Names of proxy providers in order. */
  readonly use: readonly string[];
  /** Never empty: that of the first provider with one, or the default. */
  readonly testUrl: string;
  /** 0 for no periodic test. */
  readonly intervalSeconds: number;
  readonly timeoutMs: number;
  readonly maxFailedTimes: number;
  readonly lazy: boolean;
  /** Canonical ranges, `*` for any. */
  readonly expectedStatus: string;
  readonly disableUdp: boolean;
  /** Members from providers must match one; their order is that of these expressions. [] for all. */
  readonly filters: readonly RegExp[];
  readonly excludeFilters: readonly RegExp[];
  /** Lower-case API type names. */
  readonly excludeTypes: readonly string[];
  readonly toleranceMs: number;
  readonly strategy: BalanceStrategy;
  readonly hidden: boolean;
  readonly icon: string;
  readonly interfaceName: string;
  readonly routingMark: number;
  /** The member selected at first, `''` for the first one. */
  readonly defaultSelected: string;
  /** Outbound used while there are no members. */
  readonly emptyFallback: string;
};

/** Outbounds that always exist. `GLOBAL` is a group unless the configuration defines one of that name. */
export const BUILT_IN_OUTBOUNDS = ['DIRECT', 'REJECT', 'REJECT-DROP', 'PASS', 'COMPATIBLE'] as const;
export const GLOBAL_GROUP = 'GLOBAL';
export const DEFAULT_TEST_URL = 'https://www.gstatic.com/generate_204';

/** A group for which nothing but its name and members is written. */
export const PLAIN_GROUP: Omit<GroupConfig, 'name' | 'proxies'> = {
  type: 'select',
  use: [],
  testUrl: DEFAULT_TEST_URL,
  intervalSeconds: 0,
  timeoutMs: 5_000,
  maxFailedTimes: 5,
  lazy: true,
  expectedStatus: '*',
  disableUdp: false,
  filters: [],
  excludeFilters: [],
  excludeTypes: [],
  toleranceMs: 0,
  strategy: 'consistent-hashing',
  hidden: false,
  icon: '',
  interfaceName: '',
  routingMark: 0,
  defaultSelected: '',
  emptyFallback: 'COMPATIBLE',
};
