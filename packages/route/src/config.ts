import Type, { type Static } from 'typebox';
import { groupSchema } from './config/group-schema.ts';
import { proxySchema } from './config/proxy-schema.ts';
import { flag, notServed, portSchema, text, textList, whole } from './config/schema-parts.ts';
import { dnsSchema } from './dns/config/dns-schema.ts';
import { geoSchemas } from './geo/geo-schema.ts';
import { listenersSchema } from './inbound/config/listener-schema.ts';
import { tunnelsSchema } from './inbound/config/tunnel-schema.ts';
import { proxyProvidersSchema, ruleProvidersSchema } from './provider/provider-schema.ts';
import { snifferSchema } from './sniff/sniffer-schema.ts';

/** The `route` section: the keys of a mihomo configuration file as they are. */
export const routeConfigSchema = Type.Object(
  {
    port: portSchema('Port of the HTTP inbound, 0 for off.', { default: 0 }),
    'socks-port': portSchema('Port of the SOCKS4/5 inbound, 0 for off.', { default: 0 }),
    'mixed-port': Type.Optional(
      portSchema(
        'Port of the inbound that takes HTTP and SOCKS, 0 for off. When no inbound port is written at all it is 7890.',
      ),
    ),
    'allow-lan': flag('Accept connections from other machines.', false),
    'bind-address': text('Address to listen on when allow-lan is true, * for all.', '*'),
    'lan-allowed-ips': textList('Prefixes of the sources that may connect.', ['0.0.0.0/0', '::/0']),
    'lan-disallowed-ips': textList(
      'Prefixes of the sources that may not connect; wins over lan-allowed-ips.',
    ),
    authentication: textList('Users of the inbounds as user:password; none means no authentication.'),
    'skip-auth-prefixes': textList('Prefixes of the sources that need no authentication.'),
    mode: Type.Union([Type.Literal('rule'), Type.Literal('global'), Type.Literal('direct')], {
      default: 'rule',
      ignoreCase: true,
      description: 'rule: the rules decide; global: the group GLOBAL; direct: everything DIRECT.',
    }),
    'log-level': Type.Union(
      [
        Type.Literal('silent'),
        Type.Literal('error'),
        Type.Literal('warning'),
        Type.Literal('info'),
        Type.Literal('debug'),
      ],
      { default: 'info', ignoreCase: true, description: 'Lowest level that reaches the console.' },
    ),
    ipv6: flag('Use IPv6 addresses of destinations.', true),
    'unified-delay': flag('Measure delays on a warm connection.', false),
    'tcp-concurrent': flag('Connect to all addresses of a destination at once and keep the first.', false),
    'interface-name': text('Network interface of outgoing connections, empty for the system choice.'),
    'find-process-mode': Type.Union([Type.Literal('always'), Type.Literal('strict'), Type.Literal('off')], {
      default: 'strict',
      ignoreCase: true,
      description: 'When to look up the process behind a connection.',
    }),
    hosts: Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]), {
      description: 'Domain pattern to IP, list of IPs, another domain, or lan.',
      default: {},
    }),
    proxies: Type.Array(proxySchema, { description: 'Outbounds.', default: [] }),
    'proxy-groups': Type.Array(groupSchema, { description: 'Groups of outbounds.', default: [] }),
    rules: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'TYPE,payload,target[,option…], the first match wins; options: no-resolve, src, inspect (hand matching flows to the inspect plane). Without rules everything goes DIRECT.',
      }),
    ),
    profile: Type.Object(
      {
        'store-selected': flag('Remember the selected member of each group.', true),
        'store-fake-ip': flag('Remember fake IP addresses.', false),
      },
      {
        description: 'What is kept over a restart.',
        default: { 'store-selected': true, 'store-fake-ip': false },
      },
    ),
    'external-controller': text('host:port of the control API.'),
    secret: text('Bearer token of the control API.'),
    'external-ui': text('Directory of a web interface served under /ui.'),
    'external-ui-name': text('Sub-directory of external-ui.'),
    'external-ui-url': text('Where the web interface can be downloaded from.'),
    'external-controller-cors': Type.Optional(
      Type.Object(
        {
          'allow-origins': textList('Origins that browsers may call the control API from.', ['*']),
          'allow-private-network': flag('Answer private network access requests.', true),
        },
        { description: 'Cross-origin access to the control API.' },
      ),
    ),
    'external-controller-tls': text(
      'host:port of the control API over TLS; needs tls.certificate and tls.private-key.',
    ),
    'external-controller-unix': text(
      'Path of a Unix socket of the control API; no secret is asked for there.',
    ),
    'external-controller-pipe': notServed('Named pipe of the control API'),
    'external-controller-routing-mark': notServed('Socket mark of the control API'),
    'external-doh-server': text(
      'Path of a DNS over HTTPS server on the control API; no secret is asked for there.',
    ),
    'redir-port': portSchema(
      'Port of the inbound for connections that the packet filter redirects, 0 for off. Linux only.',
      {
        default: 0,
      },
    ),
    'tproxy-port': portSchema(
      'Port of the transparent inbound (TPROXY, TCP and UDP), 0 for off. Linux only.',
      { default: 0 },
    ),
    'routing-mark': whole('Mark (SO_MARK) of outgoing sockets, 0 for none. Linux only.', 0),
    'inbound-tfo': flag('TCP Fast Open on inbounds.', false),
    'inbound-mptcp': flag('Multipath TCP on inbounds.', false),
    'keep-alive-idle': whole('Seconds of silence before TCP keep-alive probes, 0 for 15.', 0),
    'keep-alive-interval': whole('Seconds between TCP keep-alive probes, 0 for 15.', 0),
    'disable-keep-alive': flag('Send no TCP keep-alive probes.', false),
    ...geoSchemas,
    'global-client-fingerprint': text('TLS fingerprint of outbounds (accepted; ordinary TLS is used).'),
    'global-ua': text('User-Agent of downloads, empty for our own.'),
    'etag-support': flag('Ask for downloads only when they have changed.', true),
    dns: dnsSchema,
    tun: notServed('TUN device'),
    sniffer: snifferSchema,
    listeners: listenersSchema,
    tunnels: tunnelsSchema,
    'proxy-providers': proxyProvidersSchema,
    'rule-providers': ruleProvidersSchema,
    'sub-rules': Type.Record(Type.String(), Type.Array(Type.String()), {
      description: 'Lists of rules by name, for SUB-RULE and for the rule key of listeners.',
      default: {},
    }),
    tls: Type.Object(
      {
        certificate: text('Certificate of the control API as PEM text or path.'),
        'private-key': text('Its key as PEM text or path.'),
        'custom-certifactes': textList(
          'Certificates to trust besides those of the system, as PEM text or paths.',
        ),
        'ech-key': notServed('Encrypted client hello'),
        'client-auth-type': Type.Union(
          [
            Type.Literal(''),
            Type.Literal('request'),
            Type.Literal('require-any'),
            Type.Literal('verify-if-given'),
            Type.Literal('require-and-verify'),
          ],
          {
            default: '',
            ignoreCase: true,
            description: 'What is asked of client certificates of the control API.',
          },
        ),
        'client-auth-cert': text('Authority of client certificates as PEM text or path.'),
      },
      {
        description: 'Certificate of the control API and trusted certificates.',
        default: {
          certificate: '',
          'private-key': '',
          'custom-certifactes': [],
          'client-auth-type': '',
          'client-auth-cert': '',
        },
      },
    ),
    ntp: notServed('Time synchronisation'),
    experimental: Type.Object(
      {
        'quic-go-disable-gso': flag('Accepted for compatibility.', false),
        'quic-go-disable-ecn': flag('Accepted for compatibility.', true),
        'dialer-ip4p-convert': flag(
          'Dial IPv6 destinations in 2001::/32 as the IPv4 address and port they contain.',
          false,
        ),
        fingerprints: textList('Accepted for compatibility.'),
      },
      {
        description: 'Experimental settings.',
        default: {
          'quic-go-disable-gso': false,
          'quic-go-disable-ecn': true,
          'dialer-ip4p-convert': false,
          fingerprints: [],
        },
      },
    ),
    iptables: notServed('Packet filter set-up'),
    'clash-for-android': Type.Optional(
      Type.Unknown({ description: 'Settings of an Android client; ignored.' }),
    ),
    'ss-config': notServed('Quick Shadowsocks inbound'),
    'vmess-config': notServed('Quick VMess inbound'),
    'tuic-server': notServed('TUIC inbound'),
  },
  {
    description:
      'Routing: inbounds, outbounds, groups and rules, with the keys of a mihomo configuration file.',
  },
);

export type RouteConfig = Static<typeof routeConfigSchema>;
