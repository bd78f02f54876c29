import { GatewayError } from '@sluice/base/errors';
import { NOW_MS } from '../../test-support/route-views.ts';
import type { ClashFixture } from '../test-support.ts';
import { formatTime } from '../wire.ts';
import {
  BODY_INVALID,
  type ContractCase,
  DELAY_FAILED,
  NOT_FOUND,
  PAGE_NOT_FOUND,
  TIMEOUT,
} from './contract-case.ts';

const NOW = formatTime(NOW_MS);
const URL_QUERY = `url=${encodeURIComponent('http://t.example/?a=1')}`;
const JAPAN =
  '{"alive":true,"dialer-proxy":"","extra":{"https://t.example/?a=1\\u0026b=2":{"alive":true,"history":[{"time":"T","delay":120}]}},' +
  '"history":[{"time":"T","delay":120}],"id":"id-Japan","interface":"","mptcp":false,"name":"Japan","provider-name":"",' +
  '"routing-mark":0,"smux":false,"tfo":false,"type":"Shadowsocks","udp":true,"uot":false,"xudp":false}';

const COMMON = [
  'alive',
  'dialer-proxy',
  'extra',
  'history',
  'interface',
  'mptcp',
  'name',
  'provider-name',
  'routing-mark',
  'smux',
  'tfo',
  'type',
  'udp',
  'uot',
  'xudp',
];

const failWith = (kind: 'timeout' | 'unavailable') => (fixture: ClashFixture) => {
  fixture.route.delay = () => {
    throw new GatewayError(kind, 'route.delay', 'no luck');
  };
};

const members = (name: string, extra: readonly string[]): ContractCase => ({
  endpoint: 'GET /proxies/{name}',
  name: `the members of ${name}`,
  path: `/proxies/${name}`,
  status: 200,
  text: new RegExp(
    `^\\{${[...COMMON, ...extra]
      .sort()
      .map((member) => `"${member}":.*`)
      .join(',')}\\}\n$`,
  ),
});

const delayEndpoints = [
  { endpoint: 'GET /proxies/{name}/delay', path: '/proxies/Japan/delay', asked: 'delay Japan' },
  {
    endpoint: 'GET /providers/proxies/{p}/{n}/healthcheck',
    path: '/providers/proxies/sub1/Node%201/healthcheck',
    asked: 'node-delay sub1 Node 1',
  },
] as const;

const delayCases = delayEndpoints.flatMap(({ endpoint, path, asked }): readonly ContractCase[] => {
  const refused = [
    '',
    'timeout=',
    'timeout=5s',
    'timeout=1.5',
    'timeout=32768',
    'timeout=-32769',
    'timeout=5&expected=abc',
    'timeout=5&expected=200-',
    'timeout=5&expected=1-2-3',
    'timeout=5&expected=70000',
    `timeout=5&expected=${Array(29).fill('200').join('/')}`,
  ];
  return [
    {
      endpoint,
      name: 'measured',
      path: `${path}?timeout=5000&${URL_QUERY}&expected=200/204`,
      status: 200,
      text: '{"delay":123}\n',
      asked: [`${asked} http://t.example/?a=1 5000 200/204`],
    },
    {
      endpoint,
      name: 'the longest timeout, any status',
      path: `${path}?timeout=32767`,
      status: 200,
      asked: [`${asked}  32767 *`],
    },
    ...['*', '200,302,401-429', '299-200', Array(28).fill('200').join('/')].map((expected) => ({
      endpoint,
      name: `expected=${expected.slice(0, 20)}`,
      path: `${path}?timeout=5&expected=${expected}`,
      status: 200,
    })),
    ...refused.map((query) => ({
      endpoint,
      name: `refused: ${query.slice(0, 30)}`,
      path: `${path}?${query}`,
      status: 400,
      text: BODY_INVALID,
      asked: [],
    })),
    ...['0', '-1', '-32768'].map((value) => ({
      endpoint,
      name: `over at once: timeout=${value}`,
      path: `${path}?timeout=${value}`,
      status: 504,
      text: TIMEOUT,
    })),
    {
      endpoint,
      name: 'too slow',
      path: `${path}?timeout=5`,
      given: failWith('timeout'),
      status: 504,
      text: TIMEOUT,
    },
    {
      endpoint,
      name: 'unreachable',
      path: `${path}?timeout=5`,
      given: failWith('unavailable'),
      status: 503,
      text: DELAY_FAILED,
    },
    {
      endpoint,
      name: 'a delay of nothing is a failure',
      path: `${path}?timeout=5`,
      given: ({ route }) => {
        route.delay = () => 0;
      },
      status: 503,
      text: DELAY_FAILED,
    },
  ];
});

export const PROXY_CASES: readonly ContractCase[] = [
  {
    endpoint: 'GET /proxies',
    name: 'everything by name, nodes of providers included, file proxies winning',
    path: '/proxies',
    status: 200,
    check({ body }) {
      const { proxies } = JSON.parse(body);
      const order = [...body.matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name);
      const expected =
        '10|50%|9|Auto|Chain|DIRECT|GLOBAL|Japan|Node 1|Proxy|Spare|Spread|a b|a/b|healthcheck'.split('|');
      if (order.join('|') !== expected.join('|')) throw new Error(`order ${order.join('|')}`);
      if (proxies.Japan.type !== 'Shadowsocks') throw new Error('a node won over a file proxy');
      if (proxies['Node 1']['provider-name'] !== 'sub1') throw new Error('the node lost its provider');
      if (!body.startsWith('{"proxies":{"10":{"alive":true,')) throw new Error(body.slice(0, 80));
    },
  },
  {
    endpoint: 'GET /proxies/{name}',
    name: 'a leaf',
    path: '/proxies/Japan',
    status: 200,
    text: `${JAPAN.replaceAll('"T"', `"${NOW}"`)}\n`,
  },
  {
    endpoint: 'GET /proxies/{name}',
    name: 'what a leaf asks for',
    path: '/proxies/10',
    status: 200,
    text: '{"alive":true,"dialer-proxy":"Japan","extra":{},"history":[],"id":"id-10","interface":"eth0","mptcp":true,"name":"10","provider-name":"","routing-mark":7,"smux":true,"tfo":true,"type":"Http","udp":true,"uot":true,"xudp":true}\n',
  },
  members('Proxy', ['all', 'emptyFallback', 'hidden', 'icon', 'now', 'testUrl']),
  members('Auto', ['all', 'emptyFallback', 'expectedStatus', 'fixed', 'hidden', 'icon', 'now', 'testUrl']),
  members('Spare', ['all', 'emptyFallback', 'expectedStatus', 'fixed', 'hidden', 'icon', 'now', 'testUrl']),
  members('Spread', ['all', 'emptyFallback', 'expectedStatus', 'hidden', 'icon', 'testUrl']),
  members('Chain', ['all', 'hidden', 'icon']),
  {
    endpoint: 'GET /proxies/{name}',
    name: 'a selector hides the usual test URL',
    path: '/proxies/GLOBAL',
    status: 200,
    text: /"testUrl":""/,
  },
  {
    endpoint: 'GET /proxies/{name}',
    name: 'a selector shows a test URL of its own',
    path: '/proxies/Proxy',
    status: 200,
    text: /"testUrl":"https:\/\/t\.example\/204"/,
  },
  {
    endpoint: 'GET /proxies/{name}',
    name: 'other groups show the usual test URL',
    path: '/proxies/Auto',
    status: 200,
    text: /"testUrl":"https:\/\/www\.gstatic\.com\/generate_204"/,
  },
  ...(
    [
      ['a%2Fb', 'a/b'],
      ['50%25', '50%'],
      ['a%20b', 'a b'],
      ['a%2520b', 'a b'],
      ['a%252Fb', 'a/b'],
      ['Node%201', 'Node 1'],
      ['Japan/', 'Japan'],
    ] as const
  ).map(
    ([path, name]): ContractCase => ({
      endpoint: 'GET /proxies/{name}',
      name: `the name in ${path}`,
      path: `/proxies/${path}`,
      status: 200,
      text: new RegExp(`"name":"${name}"`),
    }),
  ),
  ...(['none', 'a+b', '50%25%20off'] as const).map(
    (path): ContractCase => ({
      endpoint: 'GET /proxies/{name}',
      name: `no such name: ${path}`,
      path: `/proxies/${path}`,
      status: 404,
      text: NOT_FOUND,
    }),
  ),
  {
    endpoint: 'GET /proxies/{name}',
    name: 'two segments are no name',
    path: '/proxies/a/b',
    status: 404,
    text: PAGE_NOT_FOUND,
  },
  {
    endpoint: 'PUT /proxies/{name}',
    name: 'chosen',
    path: '/proxies/Proxy',
    body: '{"name":"DIRECT"}',
    headers: { 'content-type': 'text/plain;charset=UTF-8' },
    status: 204,
    text: '',
    asked: ['select Proxy DIRECT'],
  },
  {
    endpoint: 'PUT /proxies/{name}',
    name: 'fixed',
    path: '/proxies/Auto',
    body: '{"Name":"DIRECT"}trailing',
    status: 204,
    text: '',
    asked: ['select Auto DIRECT'],
  },
  {
    endpoint: 'PUT /proxies/{name}',
    name: 'unknown',
    path: '/proxies/none',
    body: 'x',
    status: 404,
    text: NOT_FOUND,
  },
  ...[undefined, '', 'x', '[]', '{"name":1}'].map(
    (body): ContractCase => ({
      endpoint: 'PUT /proxies/{name}',
      name: `no body of its kind: ${body}`,
      path: '/proxies/Proxy',
      ...(body === undefined ? {} : { body }),
      status: 400,
      text: BODY_INVALID,
    }),
  ),
  ...['Japan', 'Spread', 'Node%201'].map(
    (name): ContractCase => ({
      endpoint: 'PUT /proxies/{name}',
      name: `no selector: ${name}`,
      path: `/proxies/${name}`,
      body: '{"name":"DIRECT"}',
      status: 400,
      text: '{"message":"Must be a Selector"}\n',
    }),
  ),
  ...['{"name":"a b"}', '{}', '{"name":null}', 'null'].map(
    (body): ContractCase => ({
      endpoint: 'PUT /proxies/{name}',
      name: `no member: ${body}`,
      path: '/proxies/Proxy',
      body,
      status: 400,
      text: '{"message":"Selector update error: proxy not exist"}\n',
    }),
  ),
  ...(['DELETE /proxies/{name}', 'DELETE /group/{name}'] as const).flatMap(
    (endpoint): readonly ContractCase[] => {
      const root = endpoint.slice('DELETE '.length, -'/{name}'.length);
      return [
        { endpoint, name: 'unfixed', path: `${root}/Auto`, status: 204, text: '', asked: ['unfix Auto'] },
        { endpoint, name: 'unfixed without a pin', path: `${root}/Spare/`, status: 204, text: '' },
        { endpoint, name: 'a selector', path: `${root}/Proxy`, status: 400, text: BODY_INVALID },
        { endpoint, name: 'a load balance group', path: `${root}/Spread`, status: 400, text: BODY_INVALID },
        { endpoint, name: 'unknown', path: `${root}/none`, status: 404, text: NOT_FOUND },
      ];
    },
  ),
  {
    endpoint: 'DELETE /proxies/{name}',
    name: 'a leaf',
    path: '/proxies/Japan',
    status: 400,
    text: BODY_INVALID,
  },
  {
    endpoint: 'DELETE /proxies/{name}',
    name: 'a node',
    path: '/proxies/Node%201',
    status: 400,
    text: BODY_INVALID,
  },
  { endpoint: 'DELETE /group/{name}', name: 'a leaf', path: '/group/Japan', status: 404, text: NOT_FOUND },
  ...delayCases,
  {
    endpoint: 'GET /proxies/{name}/delay',
    name: 'through a node of a provider',
    path: `/proxies/Node%201/delay?timeout=9&${URL_QUERY}`,
    status: 200,
    asked: ['node-delay sub1 Node 1 http://t.example/?a=1 9 *'],
  },
  {
    endpoint: 'GET /proxies/{name}/delay',
    name: 'unknown, before the query',
    path: '/proxies/none/delay',
    status: 404,
    text: NOT_FOUND,
  },
  {
    endpoint: 'GET /group',
    name: 'groups only, as a list in file order',
    path: '/group/',
    status: 200,
    check({ body }) {
      const names = JSON.parse(body).proxies.map(({ name }: { name: string }) => name);
      if (names.join() !== 'Proxy,Auto,Spare,Spread,Chain,GLOBAL') throw new Error(names.join());
    },
  },
  {
    endpoint: 'GET /group/{name}',
    name: 'a group',
    path: '/group/Proxy/',
    status: 200,
    text: /"now":"Japan"/,
  },
  { endpoint: 'GET /group/{name}', name: 'a leaf', path: '/group/Japan', status: 404, text: NOT_FOUND },
  { endpoint: 'GET /group/{name}', name: 'unknown', path: '/group/none', status: 404, text: NOT_FOUND },
  {
    endpoint: 'GET /group/{name}/delay',
    name: 'by member that answered',
    path: `/group/Proxy/delay?timeout=2147483647&${URL_QUERY}`,
    status: 200,
    text: '{"DIRECT":35,"Japan":120}\n',
    asked: ['group-delay Proxy http://t.example/?a=1 2147483647 *'],
  },
  {
    endpoint: 'GET /group/{name}/delay',
    name: 'what was fixed is given up',
    path: `/group/Auto/delay?timeout=5&${URL_QUERY}`,
    status: 200,
    asked: ['unfix Auto', 'group-delay Auto http://t.example/?a=1 5 *'],
  },
  {
    endpoint: 'GET /group/{name}/delay',
    name: 'what was fixed is given up for a refused query too',
    path: '/group/Spare/delay',
    status: 400,
    text: BODY_INVALID,
    asked: ['unfix Spare'],
  },
  ...['timeout=2147483648', 'timeout=-2147483649', 'timeout=1&expected=x'].map(
    (query): ContractCase => ({
      endpoint: 'GET /group/{name}/delay',
      name: `refused: ${query}`,
      path: `/group/Proxy/delay?${query}`,
      status: 400,
      text: BODY_INVALID,
    }),
  ),
  {
    endpoint: 'GET /group/{name}/delay',
    name: 'a leaf',
    path: '/group/Japan/delay?timeout=5',
    status: 404,
    text: NOT_FOUND,
  },
  ...(
    [
      ['nobody in time', () => Promise.reject(new GatewayError('timeout', 'route.timeout', 'slow'))],
      ['nobody at all', async () => new Map<string, number>()],
    ] as const
  ).map(
    ([name, groupDelays]): ContractCase => ({
      endpoint: 'GET /group/{name}/delay',
      name,
      path: '/group/Proxy/delay?timeout=5',
      given: ({ route }) => {
        route.groupDelays = groupDelays;
      },
      status: 504,
      text: '{"message":"get delay: all proxies timeout"}\n',
    }),
  ),
  {
    endpoint: 'GET /group/{name}/delay',
    name: 'over at once',
    path: '/group/Proxy/delay?timeout=0',
    status: 504,
    text: '{"message":"get delay: all proxies timeout"}\n',
    asked: [],
  },
];
