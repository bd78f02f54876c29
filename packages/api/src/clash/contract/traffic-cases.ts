import assert from 'node:assert/strict';
import { connection, NOW_MS } from '../../test-support/route-views.ts';
import { formatTime } from '../wire.ts';
import { BODY_INVALID, type ContractCase } from './contract-case.ts';

const NOW = formatTime(NOW_MS);
const ZERO = formatTime(0);
const extra = (disabled: boolean, hits: number, misses: number) =>
  `{"disabled":${disabled},"hitCount":${hits},"hitAt":"${hits ? NOW : ZERO}","missCount":${misses},"missAt":"${misses ? NOW : ZERO}"}`;

const CONNECTION =
  '{"id":"6f9b2c1e-7a44-4f0e-9d0b-2d1f6a1c5b7e","metadata":{"network":"tcp","type":"HTTPS","sourceIP":"192.168.1.2","destinationIP":"","sourceGeoIP":null,"destinationGeoIP":null,' +
  '"sourceIPASN":"","destinationIPASN":"","sourcePort":"52341","destinationPort":"443","inboundIP":"192.168.1.1","inboundPort":"7890","inboundName":"DEFAULT-MIXED","inboundUser":"","rematchName":"",' +
  '"host":"example.com","dnsMode":"normal","uid":0,"process":"","processPath":"","specialProxy":"","specialRules":"","remoteDestination":"203.0.113.7","dscp":0,"sniffHost":""},' +
  `"upload":10,"download":20,"start":"${NOW}","chains":["Japan","Proxy"],"providerChains":["",""],"rule":"DomainSuffix","rulePayload":"example.com"}`;

const FULL =
  '"sourceGeoIP":[],"destinationGeoIP":["cn"],"sourceIPASN":"1 A","destinationIPASN":"13335 Cloudflare","sourcePort":"52341"';

export const TRAFFIC_CASES: readonly ContractCase[] = [
  {
    endpoint: 'GET /rules',
    name: 'the list with its counters',
    path: '/rules/',
    status: 200,
    text:
      `{"rules":[{"index":0,"type":"DomainSuffix","payload":"example.com","proxy":"Proxy","size":-1,"extra":${extra(false, 2, 3)}},` +
      `{"index":1,"type":"GeoIP","payload":"cn","proxy":"DIRECT","size":4000,"extra":${extra(false, 0, 0)}},` +
      `{"index":2,"type":"Match","payload":"","proxy":"DIRECT","size":-1,"extra":${extra(true, 0, 0)}}]}\n`,
  },
  {
    endpoint: 'GET /rules',
    name: 'none',
    path: '/rules',
    given: ({ route }) => {
      route.ruleViews = [];
    },
    status: 200,
    text: '{"rules":[]}\n',
  },
  ...(
    [
      [
        '{"0":true,"2":false}',
        [
          [0, true],
          [2, false],
        ],
      ],
      ['{"0":true,"7":true,"-1":true}', [[0, true]]],
      ['{}', []],
      ['null', []],
    ] as const
  ).map(
    ([body, flags]): ContractCase => ({
      endpoint: 'PATCH /rules/disable',
      name: body,
      path: '/rules/disable',
      body,
      status: 204,
      text: '',
      asked: [`disable ${JSON.stringify(flags)}`],
    }),
  ),
  ...[undefined, '', '[]', '{"0":true,"x":true}', '{"0":true,"1":"true"}', '{"0.5":true}', '{" 1":true}'].map(
    (body): ContractCase => ({
      endpoint: 'PATCH /rules/disable',
      name: `nothing of ${body}`,
      path: '/rules/disable',
      ...(body === undefined ? {} : { body }),
      status: 400,
      text: BODY_INVALID,
      asked: [],
    }),
  ),
  {
    endpoint: 'GET /connections',
    name: 'a snapshot in declared order',
    path: '/connections?interval=x',
    status: 200,
    check({ body }) {
      assert.ok(
        body.startsWith(`{"downloadTotal":4,"uploadTotal":3,"connections":[${CONNECTION}],"memory":`),
        body,
      );
      assert.ok(JSON.parse(body).memory > 0);
    },
  },
  {
    endpoint: 'GET /connections',
    name: 'none',
    path: '/connections/',
    given: ({ route }) => {
      route.open = [];
    },
    status: 200,
    text: /^\{"downloadTotal":4,"uploadTotal":3,"connections":null,"memory":\d+\}\n$/,
  },
  {
    endpoint: 'GET /connections',
    name: 'everything that can be known',
    path: '/connections',
    given({ route }) {
      route.open = [
        {
          ...connection,
          providerChains: ['sub1', ''],
          metadata: {
            ...connection.metadata,
            sourceGeoIp: [],
            destinationGeoIp: ['cn'],
            sourceIpAsn: '1 A',
            destinationIpAsn: '13335 Cloudflare',
            dnsMode: 'fake-ip',
            uid: 1000,
            process: 'curl',
            processPath: '/usr/bin/curl',
            specialProxy: 'P',
            specialRules: 'R',
            dscp: 46,
            sniffHost: 'sniffed.example',
            inboundUser: 'u',
          },
        },
      ];
    },
    status: 200,
    check({ body }) {
      assert.ok(body.includes(FULL), body);
      assert.ok(
        body.includes(
          '"inboundUser":"u","rematchName":"","host":"example.com","dnsMode":"fake-ip","uid":1000,"process":"curl","processPath":"/usr/bin/curl","specialProxy":"P","specialRules":"R","remoteDestination":"203.0.113.7","dscp":46,"sniffHost":"sniffed.example"',
        ),
        body,
      );
      assert.ok(body.includes('"chains":["Japan","Proxy"],"providerChains":["sub1",""]'), body);
    },
  },
  {
    endpoint: 'GET /connections',
    name: 'the fixed process name of inner connections',
    path: '/connections',
    given({ route }) {
      route.open = [{ ...connection, metadata: { ...connection.metadata, type: 'Inner' } }];
    },
    status: 200,
    text: /"process":"mihomo"/,
  },
  {
    endpoint: 'DELETE /connections',
    name: 'all',
    path: '/connections',
    status: 204,
    text: '',
    asked: ['close all'],
  },
  {
    endpoint: 'DELETE /connections/{id}',
    name: 'one',
    path: `/connections/${connection.id}`,
    status: 204,
    text: '',
    asked: [`close ${connection.id}`],
  },
  {
    endpoint: 'DELETE /connections/{id}',
    name: 'unknown ids are no error',
    path: '/connections/none',
    status: 204,
    text: '',
    asked: ['close none'],
  },
  {
    endpoint: 'GET /logs',
    name: 'an unknown level',
    path: '/logs?level=loud',
    status: 400,
    text: BODY_INVALID,
  },
  ...['INFO', 'trace', 'warn'].map(
    (level): ContractCase => ({
      endpoint: 'GET /logs',
      name: `no level: ${level}`,
      path: `/logs?level=${level}`,
      status: 400,
      text: BODY_INVALID,
    }),
  ),
];
