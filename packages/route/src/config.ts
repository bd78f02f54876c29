import type { ReportIssue } from '@sluice/core/config/issue';
import Type, { type Static } from 'typebox';
import { groupSchema } from './config/group-schema.ts';
import { proxySchema } from './config/proxy-schema.ts';
import { checkRules, resolveParts } from './config/resolve-route.ts';
import { flag, notServed, portSchema, text, textList } from './config/schema-parts.ts';

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
        'store-fake-ip': flag('Remember fake IP addresses (not served by this version).', false),
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
    'external-controller-tls': notServed('host:port of the control API over TLS'),
    'external-controller-unix': notServed('Unix socket of the control API'),
    'external-controller-pipe': notServed('Named pipe of the control API'),
    'external-doh-server': notServed('Path of DNS over HTTPS on the control API'),
    'redir-port': notServed('Port of the redirect inbound'),
    'tproxy-port': notServed('Port of the transparent inbound'),
    'routing-mark': notServed('Default socket mark'),
    'inbound-tfo': notServed('TCP Fast Open on inbounds'),
    'inbound-mptcp': notServed('Multipath TCP on inbounds'),
    'keep-alive-idle': notServed('TCP keep-alive idle time'),
    'keep-alive-interval': notServed('TCP keep-alive interval'),
    'disable-keep-alive': notServed('No TCP keep-alive'),
    'geodata-mode': notServed('Read GeoIP.dat'),
    'geodata-loader': notServed('Loading of geo files'),
    'geosite-matcher': notServed('Matcher of geo files'),
    'geo-auto-update': notServed('Update geo files'),
    'geo-update-interval': notServed('Hours between updates of geo files'),
    'geox-url': notServed('Where geo files come from'),
    'global-client-fingerprint': notServed('TLS fingerprint of outbounds'),
    'global-ua': notServed('User agent of downloads'),
    'etag-support': notServed('Conditional downloads'),
    dns: notServed('DNS server and resolver'),
    tun: notServed('TUN device'),
    sniffer: notServed('Destination sniffer'),
    listeners: notServed('Further inbounds'),
    tunnels: notServed('Fixed forwards'),
    'proxy-providers': notServed('Lists of outbounds from elsewhere'),
    'rule-providers': notServed('Lists of rules from elsewhere'),
    'sub-rules': notServed('Named rule lists'),
    tls: notServed('Certificate of the control API and trusted certificates'),
    ntp: notServed('Time synchronisation'),
    experimental: notServed('Experimental settings'),
    iptables: notServed('Packet filter set-up'),
    'clash-for-android': notServed('Settings of an Android client'),
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

/** Reports everything in a decoded `route` section that a schema cannot see, with the control API's texts. */
export function checkRoute(config: RouteConfig, report: ReportIssue): void {
  const { proxies } = resolveParts(config, report);
  checkRules(config, proxies, report);
}
