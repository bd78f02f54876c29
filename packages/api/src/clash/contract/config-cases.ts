import assert from 'node:assert/strict';
import { GatewayError } from '@sluice/base/errors';
import { BODY_INVALID, type ContractCase } from './contract-case.ts';

const TUN =
  '{"enable":false,"device":"","stack":"gVisor","dns-hijack":["0.0.0.0:53"],"auto-route":true,"auto-detect-interface":true,"inet4-address":["198.18.0.1/30"],"file-descriptor":0,"recvmsgx":true}';

const RECORD =
  `{"port":0,"socks-port":0,"redir-port":0,"tproxy-port":0,"mixed-port":7890,"tun":${TUN},` +
  '"tuic-server":{"enable":false,"listen":"","certificate":"","private-key":"","ech-key":"","mux-option":{"brutal":{"enabled":false}}},' +
  '"ss-config":"","vmess-config":"","authentication":null,"skip-auth-prefixes":null,"lan-allowed-ips":["0.0.0.0/0","::/0"],"lan-disallowed-ips":null,' +
  '"allow-lan":false,"bind-address":"*","inbound-tfo":false,"inbound-mptcp":false,"mode":"rule","unified-delay":false,"log-level":"info","ipv6":false,' +
  '"interface-name":"","routing-mark":0,"geox-url":{"geo-ip":"https://geo.example/geoip.dat","mmdb":"https://geo.example/country.mmdb","asn":"https://geo.example/asn.mmdb","geo-site":"https://geo.example/geosite.dat"},' +
  '"geo-auto-update":false,"geo-update-interval":24,"geodata-mode":false,"geodata-loader":"memconservative","geosite-matcher":"succinct","tcp-concurrent":false,"find-process-mode":"strict","sniffing":false,' +
  '"global-ua":"clash.meta/v1.19.27","etag-support":true,"keep-alive-idle":0,"keep-alive-interval":0,"disable-keep-alive":false}\n';

/** A body of PATCH and what the route plane is asked for. */
const PATCHES: readonly (readonly [object, object])[] = [
  [{}, {}],
  [
    { port: 1, 'socks-port': 2, 'redir-port': 3, 'tproxy-port': 4, 'mixed-port': 5 },
    { port: 1, socksPort: 2, redirPort: 3, tproxyPort: 4, mixedPort: 5 },
  ],
  [
    { 'allow-lan': true, 'bind-address': '127.0.0.1' },
    { allowLan: true, bindAddress: '127.0.0.1' },
  ],
  [
    { 'skip-auth-prefixes': ['127.0.0.0/8'], 'lan-allowed-ips': ['::/0'], 'lan-disallowed-ips': [] },
    { skipAuthPrefixes: ['127.0.0.0/8'], lanAllowedIps: ['::/0'], lanDisallowedIps: [] },
  ],
  [
    { MODE: 'Global', 'Find-Process-Mode': 'OFF' },
    { mode: 'global', findProcessMode: 'off' },
  ],
  [
    { ipv6: false, sniffing: true, 'tcp-concurrent': true, 'interface-name': 'eth0' },
    { ipv6: false, sniffing: true, tcpConcurrent: true, interfaceName: 'eth0' },
  ],
  [{ dns: { enable: true }, 'unified-delay': true, 'external-controller': 'x', ipv6: null }, {}],
  [{ 'ss-config': '', 'vmess-config': 'vmess://x', 'tcptun-config': 'x', 'udptun-config': 'x' }, {}],
  [
    {
      'tuic-server': {
        enable: true,
        listen: ':1',
        token: ['t'],
        users: { a: 'b' },
        'max-idle-time': 5,
        alpn: ['h3'],
        cwnd: 1,
      },
    },
    {},
  ],
  [
    {
      tun: {
        enable: true,
        stack: 'mixed',
        device: 'tun9',
        mtu: 1400,
        'include-uid': [1],
        'route-address': ['0.0.0.0/1'],
      },
    },
    {},
  ],
];

const UNDECODABLE = [
  undefined,
  '',
  'x',
  'null',
  '[]',
  '1',
  '{"port":"7890"}',
  '{"port":1.5}',
  '{"redir-port":true}',
  '{"allow-lan":1}',
  '{"mode":"other"}',
  '{"mode":1}',
  '{"log-level":"loud"}',
  '{"find-process-mode":"sometimes"}',
  '{"skip-auth-prefixes":["127.0.0.1"]}',
  '{"lan-allowed-ips":["10.0.0.0/33"]}',
  '{"lan-allowed-ips":"x"}',
  '{"tun":1}',
  '{"tun":{"stack":"lwip"}}',
  '{"tun":{"enable":"yes"}}',
  '{"tun":{"mtu":"1400"}}',
  '{"tun":{"include-uid":["1"]}}',
  '{"tun":{"route-address":["1.2.3.4"]}}',
  '{"tuic-server":1}',
  '{"tuic-server":{"token":"t"}}',
  '{"ss-config":1}',
  '{"tcptun-config":[]}',
  '{"sniffing":"yes"}',
  '{"port":1,"ipv6":"no"}',
];

const REFUSED_PATHS = ['/home/sluice/../x.yaml', '/home/sluicex', '/etc/passwd'];

/** Texts of the configuration parser that clients know. */
const PARSER_TEXTS = [
  'configuration file /home/sluice/c.yaml is empty',
  'stat /home/sluice/c.yaml: no such file or directory',
  'yaml: line 1: bad',
  'proxy 0: missing type',
  'proxy a is the duplicate name',
  'proxy group[0]: g: `use` or `proxies` missing',
  'rules[3] [MATCH,x] error: proxy [x] not found',
];

export const CONFIG_CASES: readonly ContractCase[] = [
  {
    endpoint: 'GET /configs',
    name: 'every member in declared order',
    path: '/configs',
    status: 200,
    text: RECORD,
  },
  {
    endpoint: 'GET /configs',
    name: 'what is set',
    path: '/configs/',
    given({ route }) {
      route.current = {
        ...route.current,
        redirPort: 7892,
        tproxyPort: 7893,
        authentication: ['user'],
        skipAuthPrefixes: ['127.0.0.0/8'],
        lanAllowedIps: [],
        inboundTfo: true,
        routingMark: 6,
        sniffing: true,
        tunAddress: '10.9.0.1/30',
        geo: {
          ...route.current.geo,
          datMode: true,
          loader: 'standard',
          siteMatcher: 'mph',
          autoUpdate: true,
        },
      };
    },
    status: 200,
    check({ body }) {
      const record = JSON.parse(body);
      assert.deepEqual(
        [record['redir-port'], record['tproxy-port'], record.authentication, record['skip-auth-prefixes']],
        [7892, 7893, ['user'], ['127.0.0.0/8']],
      );
      assert.deepEqual(
        [record['lan-allowed-ips'], record['inbound-tfo'], record['routing-mark'], record.sniffing],
        [null, true, 6, true],
      );
      assert.deepEqual(record.tun['inet4-address'], ['10.9.0.1/30']);
      assert.deepEqual(
        [
          record['geodata-mode'],
          record['geodata-loader'],
          record['geosite-matcher'],
          record['geo-auto-update'],
        ],
        [true, 'standard', 'mph', true],
      );
    },
  },
  {
    endpoint: 'GET /configs',
    name: 'TUN as clients set it, but switched off',
    path: '/configs',
    given({ absentInbounds }) {
      absentInbounds.setTun(
        new Map<string, unknown>([
          ['enable', true],
          ['stack', 'System'],
          ['dns-hijack', []],
          ['mtu', 1400],
          ['gso', false],
          ['sendmsgx', true],
        ]),
      );
    },
    status: 200,
    check({ body }) {
      const tun = /"tun":(\{.*?\}),"tuic/.exec(body)?.[1];
      assert.equal(
        tun,
        '{"enable":false,"device":"","stack":"System","dns-hijack":null,"auto-route":true,"auto-detect-interface":true,"mtu":1400,"inet4-address":["198.18.0.1/30"],"file-descriptor":0,"recvmsgx":true,"sendmsgx":true}',
      );
    },
  },
  ...PATCHES.map(
    ([body, patch]): ContractCase => ({
      endpoint: 'PATCH /configs',
      name: JSON.stringify(body).slice(0, 60),
      path: '/configs',
      body: `${JSON.stringify(body)}rest`,
      headers: { 'content-type': 'text/plain' },
      status: 204,
      text: '',
      asked: [`patch ${JSON.stringify(patch)}`],
    }),
  ),
  {
    endpoint: 'PATCH /configs',
    name: 'the log level of the console',
    path: '/configs/',
    body: '{"log-level":"SILENT"}',
    status: 204,
    check: (_answer, { logs }) => assert.equal(logs.level, 'silent'),
  },
  {
    endpoint: 'PATCH /configs',
    name: 'TUN without enable switches it off and keeps the rest',
    path: '/configs',
    body: '{"tun":{"stack":"SYSTEM","inet4-address":["10.0.0.1/30"],"exclude-src-port":[1]}}',
    status: 204,
    check: (_answer, { absentInbounds }) => {
      const record = absentInbounds.tunRecord('198.18.0.1/30', false);
      assert.equal(JSON.stringify(record), TUN.replace('gVisor', 'System'));
    },
  },
  ...UNDECODABLE.map(
    (body): ContractCase => ({
      endpoint: 'PATCH /configs',
      name: `nothing of ${body}`,
      path: '/configs',
      ...(body === undefined ? {} : { body }),
      status: 400,
      text: BODY_INVALID,
      asked: [],
    }),
  ),
  ...(
    [
      ['?force=true', '{"path":"","payload":""}', { path: '', payload: '', force: true }],
      ['?reload=true', '{"path":"","payload":""}', { path: '', payload: '', force: false }],
      [
        '?force=TRUE',
        '{"path":"relative","payload":"mode: rule"}',
        { path: '', payload: 'mode: rule', force: false },
      ],
      ['', '{}garbage', { path: '', payload: '', force: false }],
      ['', 'null', { path: '', payload: '', force: false }],
      [
        '',
        '{"PATH":"/home/sluice/a.yaml","payload":null}',
        { path: '/home/sluice/a.yaml', payload: '', force: false },
      ],
      ['', '{"path":"/etc/sluice/x/y.yaml"}', { path: '/etc/sluice/x/y.yaml', payload: '', force: false }],
    ] as const
  ).map(
    ([query, body, reload]): ContractCase => ({
      endpoint: 'PUT /configs',
      name: `${query} ${body}`,
      path: `/configs${query}`,
      body,
      status: 204,
      text: '',
      check: (_answer, { reloads }) => assert.deepEqual(reloads, [reload]),
    }),
  ),
  {
    endpoint: 'PUT /configs',
    name: 'what was set of TUN is over',
    path: '/configs',
    body: '{}',
    given: ({ absentInbounds }) => absentInbounds.setTun(new Map([['stack', 'System']])),
    status: 204,
    check: (_answer, { absentInbounds }) =>
      assert.equal(JSON.stringify(absentInbounds.tunRecord('198.18.0.1/30', false)), TUN),
  },
  ...[undefined, '', 'x', '[]', '{"path":1}', '{"payload":{}}'].map(
    (body): ContractCase => ({
      endpoint: 'PUT /configs',
      name: `no body of its kind: ${body}`,
      path: '/configs',
      ...(body === undefined ? {} : { body }),
      status: 400,
      text: BODY_INVALID,
    }),
  ),
  {
    endpoint: 'PUT /configs',
    name: 'a relative path',
    path: '/configs',
    body: '{"path":"c.yaml"}',
    status: 400,
    text: '{"message":"path is not a absolute path"}\n',
  },
  ...REFUSED_PATHS.map(
    (path): ContractCase => ({
      endpoint: 'PUT /configs',
      name: `outside: ${path}`,
      path: '/configs',
      body: JSON.stringify({ path }),
      status: 400,
      json: {
        message: `path is not subpath of home directory or SAFE_PATHS: ${path} \n allowed paths: [/home/sluice /etc/sluice]`,
      },
    }),
  ),
  ...PARSER_TEXTS.map(
    (message): ContractCase => ({
      endpoint: 'PUT /configs',
      name: message,
      path: '/configs',
      body: '{}',
      given(fixture) {
        fixture.refusal = new GatewayError('invalid', 'config.invalid', message);
      },
      status: 400,
      json: { message },
    }),
  ),
];
