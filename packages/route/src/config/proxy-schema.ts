import Type, { type Static } from 'typebox';

const optionalText = (description: string) => Type.Optional(Type.String({ description }));
const optionalFlag = (description: string) => Type.Optional(Type.Boolean({ description }));
const optionalInteger = (description: string) => Type.Optional(Type.Integer({ description }));

/** One entry of `proxies` as it is written; `resolveProxies` checks it by its type and gives a `ProxyConfig`. */
export const proxySchema = Type.Object(
  {
    name: optionalText('Name of the outbound, used by groups and rules. Required.'),
    type: optionalText('direct, reject, http, socks5 or ss. Required.'),
    server: optionalText('Host name or IP of the server. Required except for direct and reject.'),
    port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, description: 'Port of the server.' })),
    username: optionalText('User name (http, socks5).'),
    password: optionalText('Password (http, socks5, ss).'),
    cipher: optionalText('ss: aes-128-gcm, aes-192-gcm, aes-256-gcm or chacha20-ietf-poly1305.'),
    plugin: optionalText('ss: obfuscation plugin (a node with one is not served by this version).'),
    'udp-over-tcp': optionalFlag('ss: carry UDP in TCP (a node with it is not served by this version).'),
    udp: optionalFlag('Allow UDP through this outbound (socks5, ss). Default false.'),
    tls: optionalFlag('Speak TLS to the server (http, socks5). Default false.'),
    sni: optionalText('Server name to ask for and to verify (http). Default: the server.'),
    'skip-cert-verify': optionalFlag('Accept any certificate. Default false.'),
    fingerprint: optionalText('Hexadecimal SHA-256 of the only certificate to accept.'),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: 'Extra headers of the CONNECT request (http).',
      }),
    ),
    'ip-version': optionalText('dual, ipv4, ipv6, ipv4-prefer or ipv6-prefer. Default dual.'),
    'interface-name': optionalText('Network interface for this outbound.'),
    'routing-mark': optionalInteger(
      'Socket mark of this outbound (accepted, has no effect in this version).',
    ),
    'dialer-proxy': optionalText('Outbound or group through which the server is reached.'),
  },
  {
    description: 'An outbound.',
    weak: true,
    foldKeys: true,
    additionalProperties: true,
  },
);

export type RawProxy = Static<typeof proxySchema>;
