import { given, listOf } from './link.ts';

/** How a link describes the transport below vmess, vless or trojan. */
export type LinkedTransport = {
  /** tcp, ws, httpupgrade, http, h2 or grpc, as in a configuration. */
  readonly network: string;
  readonly host: string;
  readonly path: string;
  readonly serviceName: string;
  readonly method: string;
  /** Early data and its header, where the link has them outside the path. */
  readonly earlyData: string;
  readonly earlyDataHeader: string;
};

/** The keys `network` and `…-opts` for a transport; nothing but the network for plain TCP. */
export function transportKeys(transport: LinkedTransport): Record<string, unknown> {
  const { network, host, path, serviceName, method } = transport;
  switch (network) {
    case 'ws':
    case 'httpupgrade':
      return { network: 'ws', 'ws-opts': webSocketOptions(transport) };
    case 'grpc':
      return { network, 'grpc-opts': given('grpc-service-name', serviceName) };
    case 'h2':
      return { network, 'h2-opts': { ...given('host', listOf(host)), ...given('path', path) } };
    case 'http':
      return {
        network,
        'http-opts': {
          ...given('method', method),
          path: [path === '' ? '/' : path],
          headers: given('Host', listOf(host)),
        },
      };
    default:
      return { network };
  }
}

function webSocketOptions({ network, host, path, earlyData, earlyDataHeader }: LinkedTransport) {
  const isUpgrade = network === 'httpupgrade';
  const [place = '', search = ''] = path.split('?', 2);
  const query = new URLSearchParams(search);
  const size = earlyData === '' ? (query.get('ed') ?? '') : earlyData;
  const header = earlyDataHeader === '' ? query.get('eh') : earlyDataHeader;
  const hasEarlyData = /^\d{1,9}$/.test(size);
  query.delete('ed');
  query.delete('eh');
  const rest = query.size === 0 ? '' : `?${query}`;
  const early = {
    'max-early-data': Number(size),
    'early-data-header-name': header === null || header === '' ? 'Sec-WebSocket-Protocol' : header,
  };
  return {
    path: place === '' ? '/' : `${place}${rest}`,
    headers: given('Host', host),
    ...(isUpgrade ? { 'v2ray-http-upgrade': true } : {}),
    ...(hasEarlyData && isUpgrade ? { 'v2ray-http-upgrade-fast-open': true } : {}),
    ...(hasEarlyData && !isUpgrade ? early : {}),
  };
}
