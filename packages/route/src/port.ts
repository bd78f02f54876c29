import type { FlowMetadata } from '@sluice/core/ports/flow';

export type RouteMode = 'rule' | 'global' | 'direct';

/** The live settings of the route plane, in the control API's vocabulary. */
export type RouteSettings = {
  readonly port: number;
  readonly socksPort: number;
  readonly mixedPort: number;
  /** User names only. */
  readonly authentication: readonly string[];
  readonly skipAuthPrefixes: readonly string[];
  readonly lanAllowedIps: readonly string[];
  readonly lanDisallowedIps: readonly string[];
  readonly allowLan: boolean;
  readonly bindAddress: string;
  readonly mode: RouteMode;
  readonly ipv6: boolean;
  readonly tcpConcurrent: boolean;
  readonly findProcessMode: 'always' | 'strict' | 'off';
  readonly interfaceName: string;
  readonly unifiedDelay: boolean;
};

/** What can be changed without a reload; absent members stay as they are. */
export type RouteSettingsPatch = {
  readonly port?: number;
  readonly socksPort?: number;
  readonly mixedPort?: number;
  readonly allowLan?: boolean;
  readonly bindAddress?: string;
  readonly skipAuthPrefixes?: readonly string[];
  readonly lanAllowedIps?: readonly string[];
  readonly lanDisallowedIps?: readonly string[];
  readonly mode?: RouteMode;
  readonly ipv6?: boolean;
  readonly tcpConcurrent?: boolean;
  readonly findProcessMode?: 'always' | 'strict' | 'off';
  readonly interfaceName?: string;
};

/** One delay measurement; `delayMs` 0 means it failed. */
export type DelaySample = { readonly timeMs: number; readonly delayMs: number };

/** Delay state towards one test URL. */
export type UrlHealth = { readonly alive: boolean; readonly history: readonly DelaySample[] };

/** An outbound or a group as the control API shows it. */
export type OutboundView = {
  readonly id: string;
  readonly name: string;
  /** API type name: `Direct`, `Reject`, `RejectDrop`, `Http`, `Socks5`, `Shadowsocks`, `Selector`, … */
  readonly type: string;
  readonly udp: boolean;
  readonly alive: boolean;
  readonly history: readonly DelaySample[];
  readonly extra: Readonly<Record<string, UrlHealth>>;
  readonly interfaceName: string;
  readonly dialerProxy: string;
  /** Present for groups. */
  readonly group?: {
    readonly all: readonly string[];
    readonly now: string;
    readonly testUrl: string;
    readonly expectedStatus: string;
    readonly hidden: boolean;
    readonly icon: string;
  };
};

export type RuleView = {
  readonly index: number;
  /** API type name, for example `DomainSuffix`. */
  readonly type: string;
  readonly payload: string;
  readonly proxy: string;
  /** True when matching flows are handed to the inspect plane. */
  readonly inspect: boolean;
  readonly disabled: boolean;
  readonly hitCount: number;
  /** Milliseconds since the Unix epoch, 0 for never. */
  readonly hitAtMs: number;
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

/** The use cases of the route plane; the only thing dialects see of it. Errors are `GatewayError`s with code `route.*`. */
export interface RouteControl {
  settings(): RouteSettings;
  /** Applies what is present; a listener that cannot bind is logged, not thrown. */
  patchSettings(patch: RouteSettingsPatch): Promise<void>;
  /** Built-ins, configured outbounds, groups in file order, then GLOBAL. */
  outbounds(): readonly OutboundView[];
  outbound(name: string): OutboundView | undefined;
  /** @throws `route.not-a-group` (invalid), `route.not-a-member` (invalid), `route.outbound-not-found` (not-found) */
  select(group: string, member: string): void;
  /** Milliseconds from dial start to response headers of a HEAD request. @throws kind `timeout` or `unavailable` */
  testDelay(name: string, url: string, timeoutMs: number, expectedStatus: string): Promise<number>;
  /** Delay per member that answered. @throws kind `timeout` when none did */
  testGroupDelay(
    name: string,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
  ): Promise<ReadonlyMap<string, number>>;
  rules(): readonly RuleView[];
  setRulesDisabled(flags: ReadonlyMap<number, boolean>): void;
  connections(): readonly ConnectionView[];
  /** Closes one connection; false when the id is unknown. */
  closeConnection(id: string): boolean;
  closeAllConnections(): void;
  traffic(): TrafficView;
  /** Addresses really listened on, for the start screen and the dashboard. */
  listeners(): readonly { readonly name: string; readonly host: string; readonly port: number }[];
}
