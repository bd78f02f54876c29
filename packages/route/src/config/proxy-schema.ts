import Type, { type Static } from 'typebox';
import { optionalFlag, optionalInteger, optionalText, optionalTexts } from './optional-keys.ts';
import { protocolKeys } from './proxy-protocol-keys.ts';

const port = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, description }));

const commonKeys = {
  name: optionalText('Name of the outbound, used by groups and rules. Required.'),
  type: optionalText(
    'direct, reject, dns, http, socks5 or ss; other types are listed but cannot be used. Required.',
  ),
  server: optionalText('Host name or IP of the server. Required except for direct, dns and reject.'),
  port: port('Port of the server.'),
  udp: optionalFlag('Allow UDP through this outbound. Default false.'),
  'ip-version': optionalText('dual, ipv4, ipv6, ipv4-prefer or ipv6-prefer. Default dual.'),
  'interface-name': optionalText('Network interface for this outbound.'),
  'routing-mark': optionalInteger('Socket mark of this outbound.'),
  tfo: optionalFlag('TCP Fast Open. Default false.'),
  mptcp: optionalFlag('Multipath TCP. Default false.'),
  'dialer-proxy': optionalText('Outbound or group through which the server is reached.'),
  smux: Type.Optional(
    Type.Object(
      {
        enabled: optionalFlag('Carry several streams over one connection. Default false.'),
        protocol: optionalText('h2mux, smux or yamux.'),
        'max-connections': optionalInteger('Connections at most.'),
        'min-streams': optionalInteger('Streams in a connection before another is opened.'),
        'max-streams': optionalInteger('Streams in a connection at most.'),
        padding: optionalFlag('Pad the first frames. Default false.'),
        statistic: optionalFlag('Show the connection itself in the connection list. Default false.'),
        'only-tcp': optionalFlag('Carry no UDP in it. Default false.'),
        'brutal-opts': Type.Optional(
          Type.Object(
            {
              enabled: optionalFlag('Fixed-rate congestion control. Default false.'),
              up: optionalText('Rate to the server.'),
              down: optionalText('Rate from the server.'),
            },
            { description: 'Fixed-rate congestion control.', additionalProperties: true },
          ),
        ),
      },
      { description: 'Stream multiplexing.', foldKeys: true, additionalProperties: true },
    ),
  ),
};

const tlsKeys = {
  tls: optionalFlag('Speak TLS to the server. Default false.'),
  sni: optionalText('Server name to ask for and to verify. Default: the server.'),
  servername: optionalText('As sni, for vmess and vless.'),
  alpn: optionalTexts('Application protocols to offer.'),
  'skip-cert-verify': optionalFlag('Accept any certificate. Default false.'),
  fingerprint: optionalText('Hexadecimal SHA-256 of the only certificate to accept.'),
  'client-fingerprint': optionalText('Browser whose TLS handshake to imitate (accepted, has no effect).'),
  'reality-opts': Type.Optional(
    Type.Object(
      {
        'public-key': optionalText('base64url of the X25519 key.'),
        'short-id': optionalText('Up to 16 hexadecimal digits.'),
      },
      { description: 'REALITY.', foldKeys: true, additionalProperties: true },
    ),
  ),
};

const servedKeys = {
  username: optionalText('User name (http, socks5, ssh, mieru).'),
  password: optionalText('Password.'),
  cipher: optionalText('ss: aes-128-gcm, aes-192-gcm, aes-256-gcm or chacha20-ietf-poly1305.'),
  plugin: optionalText('ss: obfuscation plugin (a node with one is not served by this version).'),
  'plugin-opts': Type.Optional(
    Type.Object(
      { mode: optionalText('Mode of the plugin.'), host: optionalText('Host name that the plugin shows.') },
      { description: 'ss: options of the plugin.', foldKeys: true, additionalProperties: true },
    ),
  ),
  'udp-over-tcp': optionalFlag('ss: carry UDP in TCP (a node with it is not served by this version).'),
  'udp-over-tcp-version': optionalInteger('ss: 1 or 2. Default 1.'),
  headers: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description: 'Extra headers of the CONNECT request (http).',
    }),
  ),
};

/** One entry of `proxies` as it is written; `resolveProxy` checks it by its type and gives a `ProxyConfig`. */
export const proxySchema = Type.Object(
  { ...commonKeys, ...tlsKeys, ...servedKeys, ...protocolKeys },
  { description: 'An outbound.', weak: true, foldKeys: true, additionalProperties: true },
);

export type RawProxy = Static<typeof proxySchema>;
