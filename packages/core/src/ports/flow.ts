/** How a connection or UDP session entered the gateway; the wire names of the control API. */
export type InboundType =
  | 'HTTP'
  | 'HTTPS'
  | 'Socks4'
  | 'Socks5'
  | 'ShadowSocks'
  | 'Tunnel'
  | 'Redir'
  | 'TProxy'
  | 'Tun'
  | 'Inner';

/** How the destination's name came to be known: told by the client, by a fake or remembered address, or by `hosts`. */
export type DnsMode = 'normal' | 'fake-ip' | 'redir-host' | 'hosts';

/** What whoever takes in a flow knows of it; what is left out is unknown. */
export type FlowSeed = {
  readonly network: 'tcp' | 'udp';
  readonly type: InboundType;
  readonly sourceIp: string;
  readonly sourcePort: number;
  /** Destination as the client named it: a domain in any case or an IP literal. */
  readonly host: string;
  /** Destination IP literal, for inbounds that see addresses only. */
  readonly destinationIp?: string;
  readonly destinationPort: number;
  readonly inboundIp: string;
  readonly inboundPort: number;
  readonly inboundName: string;
  readonly inboundUser?: string;
  readonly specialProxy?: string;
  readonly specialRules?: string;
  readonly dscp?: number;
};

/** Everything known about a flow before it is routed; members are filled in as they become known. */
export type FlowMetadata = {
  readonly network: 'tcp' | 'udp';
  readonly type: InboundType;
  readonly sourceIp: string;
  readonly sourcePort: number;
  /** Destination domain in lower case, `''` when the client named an IP. */
  host: string;
  /** Destination IP literal, `''` until known. */
  destinationIp: string;
  readonly destinationPort: number;
  readonly inboundIp: string;
  readonly inboundPort: number;
  readonly inboundName: string;
  readonly inboundUser: string;
  /** IP (or host) the outbound really connected to, `''` before that. */
  remoteDestination: string;
  /** Outbound named by the flow's creator instead of a rule, `''` otherwise. */
  readonly specialProxy: string;
  /** Name of the sub-rule list that replaces `rules` for this flow, `''` otherwise. */
  readonly specialRules: string;
  /** Name under which an outbound had the flow matched again, `''` otherwise. */
  rematchName: string;
  dnsMode: DnsMode;
  /** Name found in the first bytes, lower case; wins over `host` in rules. */
  sniffHost: string;
  /** Differentiated services code point, 0-63; 0 when unknown. */
  readonly dscp: number;
  /** Owner of the client process on this machine; 0 when unknown. */
  uid: number;
  /** Base name and full path of the client process, `''` when unknown. */
  process: string;
  processPath: string;
  /** Lower-case codes, null while nobody has looked them up. */
  sourceGeoIp: readonly string[] | null;
  destinationGeoIp: readonly string[] | null;
  /** `<number> <organisation>`, `''` when unknown. */
  sourceIpAsn: string;
  destinationIpAsn: string;
};

/** The record of a new flow; the host loses trailing dots and becomes lower case. */
export function newFlow(seed: FlowSeed): FlowMetadata {
  return {
    network: seed.network,
    type: seed.type,
    sourceIp: seed.sourceIp,
    sourcePort: seed.sourcePort,
    host: withoutTrailingDots(seed.host.toLowerCase()),
    destinationIp: seed.destinationIp ?? '',
    destinationPort: seed.destinationPort,
    inboundIp: seed.inboundIp,
    inboundPort: seed.inboundPort,
    inboundName: seed.inboundName,
    inboundUser: seed.inboundUser ?? '',
    remoteDestination: '',
    specialProxy: seed.specialProxy ?? '',
    specialRules: seed.specialRules ?? '',
    rematchName: '',
    dnsMode: 'normal',
    sniffHost: '',
    dscp: seed.dscp ?? 0,
    uid: 0,
    process: '',
    processPath: '',
    sourceGeoIp: null,
    destinationGeoIp: null,
    sourceIpAsn: '',
    destinationIpAsn: '',
  };
}

function withoutTrailingDots(name: string): string {
  return name.endsWith('.') ? name.replace(/\.+$/, '') : name;
}
