import { decodeBase64Text } from './base64.ts';
import {
  given,
  hasPlace,
  type LinkedNode,
  nameOf,
  percentDecoded,
  type ShareLink,
  splitLink,
} from './link.ts';

/** `ss://` in the form of SIP002, or the older one that is base64 as a whole. */
export function parseShadowsocksLink(link: ShareLink): LinkedNode | undefined {
  const whole = link.userInfo === '' ? unwrapped(link) : link;
  if (whole === undefined || !hasPlace(whole)) return undefined;
  const { query } = whole;
  const user = percentDecoded(whole.userInfo);
  const text = user.includes(':') ? user : decodeBase64Text(user);
  const colon = text?.indexOf(':') ?? -1;
  if (text === undefined || colon < 0) return undefined;
  const overTcp = query.get('udp-over-tcp') === 'true' || query.get('uot') === '1';
  return {
    name: nameOf(whole),
    type: 'ss',
    server: whole.host,
    port: whole.port,
    cipher: text.slice(0, colon),
    password: text.slice(colon + 1),
    udp: true,
    ...(overTcp ? { 'udp-over-tcp': true } : {}),
    ...pluginOf(query.get('plugin') ?? ''),
  };
}

function unwrapped({ body, fragment }: ShareLink): ShareLink | undefined {
  const [place = '', ...queries] = body.split('?');
  const text = decodeBase64Text(queries.length > 0 ? place.replace(/\/$/, '') : place);
  const inner = text === undefined ? undefined : splitLink(`ss://${[text, ...queries].join('?')}`);
  return inner === undefined ? undefined : { ...inner, fragment };
}

function pluginOf(written: string): Record<string, unknown> {
  const [name = '', ...parts] = written.split(';');
  const options = new Map(
    parts.map((part) => {
      const [key = '', ...value] = part.split('=');
      return [key, value.join('=')];
    }),
  );
  if (name.includes('obfs')) {
    const opts = { ...given('mode', options.get('obfs')), ...given('host', options.get('obfs-host')) };
    return { plugin: 'obfs', 'plugin-opts': opts };
  }
  if (!name.includes('v2ray-plugin')) return {};
  const opts = {
    ...given('mode', options.get('mode') ?? 'websocket'),
    ...given('host', options.get('host')),
    ...given('path', options.get('path')),
    tls: written.includes('tls'),
  };
  return { plugin: 'v2ray-plugin', 'plugin-opts': opts };
}

/** `ssr://`: base64 of `host:port:protocol:method:obfs:password/?params`. */
export function parseShadowsocksRLink({ body }: ShareLink): LinkedNode | undefined {
  const text = decodeBase64Text(body);
  const [place = '', params] = text?.split('/?') ?? [];
  if (params === undefined) return undefined;
  const parts = place.split(':');
  const [encoded, obfs, cipher, protocol, port] = parts.toReversed();
  const server = parts.slice(0, -5).join(':');
  const password = decodeBase64Text(encoded ?? '');
  if (server === '' || password === undefined) return undefined;
  const query = new URLSearchParams(params.replaceAll('+', '%2B'));
  const decoded = (key: string) => decodeBase64Text(query.get(key) ?? '') ?? '';
  const remarks = decoded('remarks');
  return {
    name: remarks === '' ? `${server}:${port}` : remarks,
    type: 'ssr',
    server,
    port,
    cipher,
    password,
    obfs,
    protocol,
    udp: true,
    ...given('obfs-param', decoded('obfsparam')),
    ...given('protocol-param', decoded('protoparam')),
  };
}
