import { NOW_MS } from '../../test-support/route-views.ts';
import { formatTime } from '../wire.ts';
import { type ContractCase, NOT_FOUND } from './contract-case.ts';

const NOW = formatTime(NOW_MS);
const ADS = `{"behavior":"Domain","format":"MrsRule","name":"ads","ruleCount":300,"type":"Rule","vehicleType":"HTTP","updatedAt":"${NOW}"}`;
const OWN =
  '{"behavior":"Classical","format":"","name":"own","ruleCount":1,"type":"Rule","vehicleType":"Inline","updatedAt":"0001-01-01T00:00:00Z","payload":["DOMAIN,a.example"]}';

const PROXY_FAILURES = [
  '404 Not Found',
  'file must have a `proxies` field',
  "file doesn't have any proxy",
  "doesn't match any proxy, please check your filter",
];
const RULE_FAILURES = ['file must have a `payload` field', '404 Not Found'];

export const PROVIDER_CASES: readonly ContractCase[] = [
  {
    endpoint: 'GET /providers/proxies',
    name: 'all by name',
    path: '/providers/proxies/',
    status: 200,
    check({ body }) {
      const { providers } = JSON.parse(body);
      if (Object.keys(providers).join() !== 'fresh/one,sub1') throw new Error(body);
      const { proxies, ...rest } = providers.sub1;
      const order = Object.keys(providers.sub1).join();
      if (order !== 'name,type,vehicleType,proxies,testUrl,expectedStatus,updatedAt,subscriptionInfo')
        throw new Error(order);
      if (proxies.map(({ name }: { name: string }) => name).join() !== 'Node 1,Japan,healthcheck')
        throw new Error('source order');
      const expected = {
        name: 'sub1',
        type: 'Proxy',
        vehicleType: 'HTTP',
        testUrl: 'https://t.example/204',
        expectedStatus: '200/204',
        updatedAt: NOW,
        subscriptionInfo: { Upload: 1, Download: 2, Total: 3, Expire: 4 },
      };
      if (JSON.stringify(rest) !== JSON.stringify(expected)) throw new Error(JSON.stringify(rest));
    },
  },
  {
    endpoint: 'GET /providers/proxies/{p}',
    name: 'one that was never loaded',
    path: '/providers/proxies/fresh%2Fone/',
    status: 200,
    text: '{"name":"fresh/one","type":"Proxy","vehicleType":"File","proxies":[],"testUrl":"","expectedStatus":"*","updatedAt":"0001-01-01T00:00:00Z"}\n',
  },
  {
    endpoint: 'GET /providers/proxies/{p}',
    name: 'unknown',
    path: '/providers/proxies/none',
    status: 404,
    text: NOT_FOUND,
  },
  {
    endpoint: 'PUT /providers/proxies/{p}',
    name: 'refreshed',
    path: '/providers/proxies/sub1',
    status: 204,
    text: '',
    asked: ['refresh proxy provider sub1'],
  },
  {
    endpoint: 'PUT /providers/proxies/{p}',
    name: 'unknown',
    path: '/providers/proxies/none',
    status: 404,
    text: NOT_FOUND,
  },
  ...PROXY_FAILURES.map(
    (message): ContractCase => ({
      endpoint: 'PUT /providers/proxies/{p}',
      name: message,
      path: '/providers/proxies/sub1/',
      given: ({ route }) => {
        route.providers.failure = message;
      },
      status: 503,
      json: { message },
    }),
  ),
  {
    endpoint: 'GET /providers/proxies/{p}/healthcheck',
    name: 'checked',
    path: '/providers/proxies/fresh%252Fone/healthcheck',
    status: 204,
    text: '',
    asked: ['check fresh/one'],
  },
  {
    endpoint: 'GET /providers/proxies/{p}/healthcheck',
    name: 'results do not matter',
    path: '/providers/proxies/sub1/healthcheck',
    given: ({ route }) => {
      route.providers.failure = 'nobody answered';
    },
    status: 204,
    text: '',
  },
  {
    endpoint: 'GET /providers/proxies/{p}/healthcheck',
    name: 'unknown',
    path: '/providers/proxies/none/healthcheck',
    status: 404,
    text: NOT_FOUND,
  },
  {
    endpoint: 'GET /providers/proxies/{p}/{n}',
    name: 'a node, not the file proxy of its name',
    path: '/providers/proxies/sub1/Japan/',
    status: 200,
    text: /"provider-name":"sub1".*"type":"Trojan"/,
  },
  ...['sub1/none', 'none/Japan'].map(
    (path): ContractCase => ({
      endpoint: 'GET /providers/proxies/{p}/{n}',
      name: `unknown: ${path}`,
      path: `/providers/proxies/${path}`,
      status: 404,
      text: NOT_FOUND,
    }),
  ),
  {
    endpoint: 'GET /providers/proxies/{p}/{n}/healthcheck',
    name: 'unknown, before the query',
    path: '/providers/proxies/sub1/none/healthcheck',
    status: 404,
    text: NOT_FOUND,
  },
  {
    endpoint: 'GET /providers/rules',
    name: 'all by name',
    path: '/providers/rules/',
    status: 200,
    text: `{"providers":{"ads":${ADS},"own":${OWN}}}\n`,
  },
  {
    endpoint: 'GET /providers/rules',
    name: 'none',
    path: '/providers/rules',
    given: ({ route }) => {
      route.providers.rules = [];
    },
    status: 200,
    text: '{"providers":{}}\n',
  },
  {
    endpoint: 'GET /providers/rules/{p}',
    name: 'one',
    path: '/providers/rules/own/',
    status: 200,
    text: `${OWN}\n`,
  },
  {
    endpoint: 'GET /providers/rules/{p}',
    name: 'unknown',
    path: '/providers/rules/none',
    status: 404,
    text: NOT_FOUND,
  },
  {
    endpoint: 'PUT /providers/rules/{p}',
    name: 'refreshed',
    path: '/providers/rules/ads',
    body: 'ignored',
    status: 204,
    text: '',
    asked: ['refresh rule provider ads'],
  },
  {
    endpoint: 'PUT /providers/rules/{p}',
    name: 'unknown',
    path: '/providers/rules/none',
    status: 404,
    text: NOT_FOUND,
  },
  ...RULE_FAILURES.map(
    (message): ContractCase => ({
      endpoint: 'PUT /providers/rules/{p}',
      name: message,
      path: '/providers/rules/ads',
      given: ({ route }) => {
        route.providers.failure = message;
      },
      status: 503,
      json: { message },
    }),
  ),
];
