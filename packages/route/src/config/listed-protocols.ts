import { formatEndpoint } from '@sluice/base/address';
import { proxyError } from './proxy-error.ts';
import type { RawProxy } from './proxy-schema.ts';

/** A protocol whose nodes are checked and shown but cannot be dialed. */
export type ListedProtocol = {
  readonly apiType: string;
  readonly hasServer: boolean;
  /** One of these has to be there. */
  readonly portKeys: readonly ('port' | 'ports' | 'port-range')[];
  readonly required: readonly (keyof RawProxy)[];
  /** Whether it carries UDP; `asked` when the node says so. */
  readonly udp: 'always' | 'never' | 'asked';
  readonly udpOverTcp: boolean;
  readonly xudp?: (raw: RawProxy) => boolean;
  /** @throws GatewayError `route.proxy` */
  readonly check?: (raw: RawProxy) => void;
};

const SERVER = {
  hasServer: true,
  portKeys: ['port'],
  required: [],
  udp: 'asked',
  udpOverTcp: false,
} as const satisfies Partial<ListedProtocol>;
/** Its server, if it has one, is of no concern here. */
const NO_SERVER = { ...SERVER, hasServer: false } as const;

const VISION_FLOW = 'xtls-rprx-vision';

/** By the configuration's type name. */
export const LISTED_PROTOCOLS: ReadonlyMap<string, ListedProtocol> = new Map<string, ListedProtocol>([
  ['ssr', { ...SERVER, apiType: 'ShadowsocksR', required: ['password', 'cipher', 'obfs', 'protocol'] }],
  [
    'vmess',
    {
      ...SERVER,
      apiType: 'Vmess',
      required: ['uuid', 'alterId', 'cipher'],
      udpOverTcp: true,
      xudp: (raw) => raw.xudp === true || raw['packet-encoding'] === 'xudp',
      check: checkReality,
    },
  ],
  [
    'vless',
    { ...SERVER, apiType: 'Vless', required: ['uuid'], udpOverTcp: true, xudp: vlessXudp, check: checkVless },
  ],
  ['trojan', { ...SERVER, apiType: 'Trojan', required: ['password'], udpOverTcp: true, check: checkTrojan }],
  ['snell', { ...SERVER, apiType: 'Snell', required: ['psk'], udpOverTcp: true, check: checkSnell }],
  [
    'hysteria',
    { ...SERVER, apiType: 'Hysteria', portKeys: ['port', 'ports'], udp: 'always', check: checkHysteria },
  ],
  [
    'hysteria2',
    { ...SERVER, apiType: 'Hysteria2', portKeys: ['port', 'ports'], udp: 'always', check: checkHysteria2 },
  ],
  ['tuic', { ...SERVER, apiType: 'Tuic', udp: 'always' }],
  ['wireguard', { ...NO_SERVER, apiType: 'WireGuard', required: ['private-key'], check: checkWireGuard }],
  ['ssh', { ...SERVER, apiType: 'Ssh', required: ['username'], udp: 'never' }],
  [
    'mieru',
    {
      ...SERVER,
      apiType: 'Mieru',
      portKeys: ['port', 'port-range'],
      required: ['transport', 'username', 'password'],
      udpOverTcp: true,
    },
  ],
  ['anytls', { ...SERVER, apiType: 'AnyTLS', required: ['password'], udpOverTcp: true }],
  ['rematch', { ...NO_SERVER, apiType: 'Rematch', udp: 'always' }],
  ['sudoku', { ...NO_SERVER, apiType: 'Sudoku', udpOverTcp: true }],
  ['masque', { ...NO_SERVER, apiType: 'Masque' }],
  ['openvpn', { ...NO_SERVER, apiType: 'OpenVPN' }],
  ['tailscale', { ...NO_SERVER, apiType: 'Tailscale' }],
  ['zerotier', { ...NO_SERVER, apiType: 'ZeroTier' }],
  ['trusttunnel', { ...NO_SERVER, apiType: 'TrustTunnel', udpOverTcp: true }],
  ['shadowquic', { ...NO_SERVER, apiType: 'ShadowQuic' }],
  ['gost-relay', { ...NO_SERVER, apiType: 'GostRelay' }],
]);

function vlessXudp(raw: RawProxy): boolean {
  const encoding = raw['packet-encoding'];
  return encoding !== 'packetaddr' && encoding !== 'packet' && raw['packet-addr'] !== true;
}

function checkVless(raw: RawProxy): void {
  const flow = raw.flow ?? '';
  if (raw.network !== 'ws' && flow.length >= VISION_FLOW.length && !flow.startsWith(VISION_FLOW))
    throw proxyError(`unsupported xtls flow type: ${flow.slice(0, VISION_FLOW.length)}`);
  checkReality(raw);
}

function checkReality(raw: RawProxy): void {
  const options = raw['reality-opts'];
  const key = options?.['public-key'] ?? '';
  if (key === '') return;
  if (!/^[\w-]+$/.test(key) || Buffer.from(key, 'base64url').length !== 32)
    throw proxyError('invalid REALITY public key');
  if (!/^(?:[0-9a-f]{2}){0,8}$/i.test(options?.['short-id'] ?? ''))
    throw proxyError('invalid REALITY short ID');
}

function checkTrojan(raw: RawProxy): void {
  const inner = raw['ss-opts'];
  if (inner?.enabled === true && (inner.password ?? '') === '') throw proxyError('empty password');
  checkReality(raw);
}

function checkSnell(raw: RawProxy): void {
  const version = raw.version === undefined || raw.version === 0 ? 1 : raw.version;
  if (version < 1 || version > 5) throw proxyError(`snell version error: ${version}`);
  if (raw.udp === true && version < 3) throw proxyError(`snell version ${version} not support UDP`);
  const mode = raw['obfs-opts']?.mode ?? '';
  if (mode !== '' && mode !== 'http' && mode !== 'tls') {
    const place = formatEndpoint(raw.server ?? '', raw.port ?? 0);
    throw proxyError(`snell ${place} obfs mode error: ${mode}`);
  }
}

function checkHysteria(raw: RawProxy): void {
  if (raw.up === undefined && raw['up-speed'] === undefined) throw proxyError("key 'up' missing");
  if (raw.down === undefined && raw['down-speed'] === undefined) throw proxyError("key 'down' missing");
}

function checkHysteria2(raw: RawProxy): void {
  const obfs = raw.obfs ?? '';
  if (obfs === '') return;
  if (obfs !== 'salamander' && obfs !== 'gecko') throw proxyError(`unknown obfs type: ${obfs}`);
  if ((raw['obfs-password'] ?? '') === '') throw proxyError('missing obfs password');
}

function checkWireGuard(raw: RawProxy): void {
  if ((raw.ip ?? '') === '' && (raw.ipv6 ?? '') === '') throw proxyError('missing local address');
}
