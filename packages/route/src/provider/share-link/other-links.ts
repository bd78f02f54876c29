import {
  credentialsOf,
  given,
  hasPlace,
  isPort,
  isTrue,
  type LinkedNode,
  listOf,
  nameOf,
  percentDecoded,
  type ShareLink,
} from './link.ts';

/** `hysteria://`. */
export function parseHysteriaLink(link: ShareLink): LinkedNode | undefined {
  if (!hasPlace(link)) return undefined;
  const { host, port, query } = link;
  return {
    name: nameOf(link),
    type: 'hysteria',
    server: host,
    port,
    ...given('sni', query.get('peer')),
    ...given('obfs', query.get('obfs')),
    ...given('alpn', listOf(query.get('alpn'))),
    ...given('auth-str', query.get('auth')),
    ...given('protocol', query.get('protocol')),
    ...given('up', query.get('up') ?? query.get('upmbps')),
    ...given('down', query.get('down') ?? query.get('downmbps')),
    'skip-cert-verify': isTrue(query.get('insecure')),
  };
}

const HYSTERIA2_PORT = '443';

/** `hysteria2://` and `hy2://`; the port may be a list of ports and ranges. */
export function parseHysteria2Link(link: ShareLink): LinkedNode | undefined {
  const { host, query, userInfo } = link;
  const written = link.port === '' ? HYSTERIA2_PORT : link.port;
  const [first = ''] = written.split(/[,-]/);
  if (host === '' || !/^[\d,-]+$/.test(written) || !isPort(first)) return undefined;
  const ports = query.get('mport') ?? (written === first ? '' : written);
  return {
    name: nameOf({ ...link, port: first }),
    type: 'hysteria2',
    server: host,
    port: first,
    ...given('ports', ports),
    password: percentDecoded(userInfo),
    ...given('obfs', query.get('obfs') === 'none' ? '' : query.get('obfs')),
    ...given('obfs-password', query.get('obfs-password')),
    ...given('sni', query.get('sni')),
    ...given('alpn', listOf(query.get('alpn'))),
    'skip-cert-verify': isTrue(query.get('insecure')),
    ...given('fingerprint', query.get('pinSHA256')),
    ...given('up', query.get('up')),
    ...given('down', query.get('down')),
  };
}

/** `tuic://` of version 5 (`uuid:password@`) or 4 (`token@`). */
export function parseTuicLink(link: ShareLink): LinkedNode | undefined {
  if (!hasPlace(link)) return undefined;
  const { host, port, query } = link;
  const [user = '', ...rest] = link.userInfo.split(':');
  const identity =
    rest.length === 0
      ? { token: percentDecoded(user) }
      : { uuid: percentDecoded(user), password: percentDecoded(rest.join(':')) };
  return {
    name: nameOf(link),
    type: 'tuic',
    server: host,
    port,
    ...identity,
    udp: true,
    ...given('congestion-controller', query.get('congestion_control')),
    ...given('alpn', listOf(query.get('alpn'))),
    ...given('sni', query.get('sni')),
    ...(query.get('disable_sni') === '1' ? { 'disable-sni': true } : {}),
    ...given('udp-relay-mode', query.get('udp_relay_mode')),
  };
}

/** `anytls://`. */
export function parseAnytlsLink(link: ShareLink): LinkedNode | undefined {
  if (!hasPlace(link)) return undefined;
  const { host, port, query, userInfo } = link;
  return {
    name: nameOf(link),
    type: 'anytls',
    server: host,
    port,
    password: percentDecoded(userInfo),
    udp: true,
    ...given('sni', query.get('sni')),
    ...given('fingerprint', query.get('hpkp')),
    'skip-cert-verify': isTrue(query.get('insecure')),
  };
}

/** `socks://`, `socks5://`, `socks5h://`, `http://` and `https://`. */
export function parsePlainLink(link: ShareLink): LinkedNode | undefined {
  if (!hasPlace(link)) return undefined;
  const { host, port, scheme, userInfo } = link;
  const isHttp = scheme.startsWith('http');
  const { user, password } = credentialsOf(userInfo);
  return {
    name: nameOf(link),
    type: isHttp ? 'http' : 'socks5',
    server: host,
    port,
    ...given('username', user),
    ...given('password', password),
    'skip-cert-verify': true,
    ...(isHttp ? {} : { udp: true }),
    ...(scheme === 'https' ? { tls: true } : {}),
  };
}

/** `mierus://`: one node for each pair of `port` and `protocol`. */
export function parseMieruLinks(link: ShareLink): readonly LinkedNode[] {
  const { host, query, userInfo, fragment } = link;
  const ports = query.getAll('port');
  const protocols = query.getAll('protocol');
  if (host === '' || ports.length !== protocols.length) return [];
  const [user = '', ...rest] = userInfo.split(':');
  const base = fragment === '' ? (query.get('profile') ?? host) : fragment;
  return ports.map((port, index) => ({
    name: `${base}:${port}/${protocols[index] ?? ''}`,
    type: 'mieru',
    server: host,
    ...(port.includes('-') ? { 'port-range': port } : { port }),
    transport: protocols[index],
    username: percentDecoded(user),
    password: percentDecoded(rest.join(':')),
    udp: true,
    ...given('multiplexing', query.get('multiplexing')),
  }));
}
