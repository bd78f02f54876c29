import Type, { type Static } from 'typebox';
import { flag, textList } from '../config/schema-parts.ts';

const portList = (description: string) => Type.Optional(Type.Array(Type.String(), { description }));

const protocolSchema = Type.Object(
  {
    ports: portList('Destination ports or ranges. Default 80 for HTTP, 443 for TLS and QUIC.'),
    'override-destination': Type.Optional(
      Type.Boolean({ description: 'Whether the name found replaces the destination. Default: as for all.' }),
    ),
  },
  { description: 'Which connections to read with one protocol.' },
);

/** The `sniffer` section as it is written. */
export const snifferSchema = Type.Object(
  {
    enable: flag('Read destination names out of the first bytes of connections.', false),
    'override-destination': flag('Connect to the name found instead of the address.', true),
    'force-dns-mapping': flag('Also read connections whose name is known from a DNS answer.', true),
    'parse-pure-ip': flag('Read connections to addresses without a known name.', true),
    sniff: Type.Record(Type.String(), protocolSchema, {
      description: 'HTTP, TLS or QUIC to the ports it is read on.',
      default: {},
    }),
    'force-domain': textList(
      'Domain patterns to read although their name is known; geosite: and rule-set: too.',
    ),
    'skip-domain': textList('Names that are ignored when found; patterns, geosite: and rule-set:.'),
    'skip-src-address': textList('Sources that are not read: prefixes, geoip:code, rule-set:name.'),
    'skip-dst-address': textList('Destinations that are not read: prefixes, geoip:code, rule-set:name.'),
    sniffing: textList('Old form of sniff: protocols that all use port-whitelist.'),
    'port-whitelist': textList('Old form of ports: ports or ranges for every protocol of sniffing.'),
  },
  {
    description: 'Finds the names of connections that were made to addresses.',
    default: {
      enable: false,
      'override-destination': true,
      'force-dns-mapping': true,
      'parse-pure-ip': true,
      sniff: {},
      'force-domain': [],
      'skip-domain': [],
      'skip-src-address': [],
      'skip-dst-address': [],
      sniffing: [],
      'port-whitelist': [],
    },
    weak: true,
  },
);

export type RawSniffer = Static<typeof snifferSchema>;
