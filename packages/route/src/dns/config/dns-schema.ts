import Type, { type Static } from 'typebox';
import { flag, text, textList } from '../../config/schema-parts.ts';

const policy = (description: string) =>
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]), {
    description,
    default: {},
  });

/** The `dns` section as it is written; `resolveDns` checks it. */
export const dnsSchema = Type.Object(
  {
    enable: flag(
      'Resolve names with the servers below and answer DNS questions. False: the operating system resolves.',
      false,
    ),
    listen: text('host:port of the DNS server (UDP and TCP); empty or port 0 for none.'),
    ipv6: flag('Answer AAAA questions of clients; false: always with no records.', false),
    'ipv6-timeout': Type.Integer({
      minimum: 0,
      default: 100,
      description: 'Milliseconds to wait for IPv6 addresses once the IPv4 addresses of a name are there.',
    }),
    'prefer-h3': flag('Use HTTP/3 for https servers when it connects faster.', false),
    'use-hosts': flag('Answer from hosts.', true),
    'use-system-hosts': flag("Answer from the system's hosts file, after hosts.", true),
    'respect-rules': flag(
      'Connections to servers that name no outbound follow the rules; needs proxy-server-nameserver.',
      false,
    ),
    'default-nameserver': textList('Servers that resolve the names of other servers; addresses or system.', [
      '114.114.114.114',
      '223.5.5.5',
      '8.8.8.8',
      '1.0.0.1',
    ]),
    nameserver: textList(
      'Servers, all asked at once: address, udp://, tcp://, tls://, https://, quic://, system, dhcp://, rcode://, with #outbound behind.',
      ['https://doh.pub/dns-query', 'tls://223.5.5.5:853'],
    ),
    fallback: textList('Servers whose answer replaces the one of nameserver where fallback-filter says so.'),
    'fallback-lazy-query': flag('Ask fallback only when its answer is needed.', false),
    'fallback-filter': Type.Object(
      {
        geoip: flag('Distrust addresses of other countries than geoip-code.', true),
        'geoip-code': text('Country whose addresses are trusted.', 'CN'),
        geosite: textList('Lists of names that only fallback is asked for.'),
        ipcidr: textList('Prefixes that are distrusted.'),
        domain: textList('Patterns of names that only fallback is asked for.'),
      },
      { description: 'When the answer of fallback is used.' },
    ),
    'nameserver-policy': policy(
      'Pattern, geosite:list or rule-set:name to the servers for such names; the first that matches counts.',
    ),
    'proxy-server-nameserver': textList('Servers that resolve the names of proxies.'),
    'proxy-server-nameserver-policy': policy('As nameserver-policy, for the names of proxies.'),
    'direct-nameserver': textList('Servers for connections that go out directly.'),
    'direct-nameserver-follow-policy': flag('Apply nameserver-policy to direct-nameserver.', false),
    'enhanced-mode': text(
      'normal; fake-ip: answer with addresses that stand for names; redir-host: remember the names of addresses.',
      'redir-host',
    ),
    'fake-ip-range': text('Prefix of fake IPv4 addresses.', '198.18.0.1/16'),
    'fake-ip-range6': text('Prefix of fake IPv6 addresses, empty for none.'),
    'fake-ip-filter': textList(
      'Names for fake-ip-filter-mode: patterns, geosite:a,b and rule-set:a,b, or rules.',
      ['dns.msftnsci.com', 'www.msftnsci.com', 'www.msftconnecttest.com'],
    ),
    'fake-ip-filter-mode': text(
      'blacklist: names in the filter get real addresses; whitelist: all others do; rule: entries are TYPE,payload,fake-ip or real-ip.',
      'blacklist',
    ),
    'fake-ip-ttl': Type.Integer({
      minimum: 1,
      maximum: 2_147_483_647,
      default: 1,
      description: 'Seconds that clients may keep a fake address.',
    }),
    'cache-algorithm': text(
      'Which answers the cache forgets when it is full: lru, anything else is arc.',
      'lru',
    ),
  },
  { description: 'DNS server and resolvers.' },
);

export type RawDns = Static<typeof dnsSchema>;
