import assert from 'node:assert/strict';
import { GatewayError } from '@sluice/base/errors';
import { BODY_INVALID, type ContractCase, PAGE_NOT_FOUND } from './contract-case.ts';

const DISABLED = '{"message":"DNS section is disabled"}\n';
const DNS_TYPE = { 'content-type': 'application/dns-message' };
/** A query for example.com A with id 0. */
const QUERY = '0000010000010000000000000765786d61706c6503636f6d0000010001';
const DOH = { options: { dohPath: '/dns-query', secret: 's' } } as const;

const FAILURES = [
  'all DNS requests failed, first error: server failure: SERVFAIL',
  'context deadline exceeded',
];

export const DNS_CASES: readonly ContractCase[] = [
  {
    endpoint: 'GET /dns/query',
    name: 'an answer with sorted keys',
    path: '/dns/query?name=example.com',
    status: 200,
    text: '{"AD":false,"Answer":[{"TTL":300,"data":"93.184.216.34","name":"example.com.","type":1}],"CD":false,"Question":[{"Name":"example.com.","Qtype":1,"Qclass":1}],"RA":true,"RD":true,"Status":0,"TC":false}\n',
    asked: ['dns example.com. A'],
  },
  ...(
    [
      ['name=example.com.&type=HTTPS', 'dns example.com. HTTPS'],
      ['name=&type=', 'dns . A'],
      ['', 'dns . A'],
    ] as const
  ).map(
    ([query, asked]): ContractCase => ({
      endpoint: 'GET /dns/query',
      name: `asked: ${query}`,
      path: `/dns/query?${query}`,
      status: 200,
      asked: [asked],
    }),
  ),
  {
    endpoint: 'GET /dns/query',
    name: 'an RCODE is an answer',
    path: '/dns/query?name=none.example&type=AAAA',
    given: ({ route }) => {
      route.dns.reply = () => ({
        status: 3,
        question: { name: 'none.example.', type: 28, class: 1 },
        truncated: true,
        recursionDesired: true,
        recursionAvailable: false,
        authenticData: true,
        checkingDisabled: true,
        answers: [],
        authorities: [{ name: 'example.', type: 6, ttl: 60, data: 'ns. mbox. 1 2 3 4 5' }],
        additionals: [{ name: 'ns.', type: 16, ttl: 5, data: '"<&>"' }],
      });
    },
    status: 200,
    text: '{"AD":true,"Additional":[{"TTL":5,"data":"\\"\\u003c\\u0026\\u003e\\"","name":"ns.","type":16}],"Authority":[{"TTL":60,"data":"ns. mbox. 1 2 3 4 5","name":"example.","type":6}],"CD":true,"Question":[{"Name":"none.example.","Qtype":28,"Qclass":1}],"RA":false,"RD":true,"Status":3,"TC":true}\n',
  },
  {
    endpoint: 'GET /dns/query',
    name: 'a type in lower case',
    path: '/dns/query?name=example.com&type=aaaa',
    status: 400,
    text: '{"message":"invalid query type"}\n',
  },
  {
    endpoint: 'GET /dns/query',
    name: 'DNS off, before the type',
    path: '/dns/query?name=example.com&type=aaaa',
    given: ({ route }) => {
      route.dns.enabled = false;
    },
    status: 500,
    text: DISABLED,
    asked: [],
  },
  ...FAILURES.map(
    (message): ContractCase => ({
      endpoint: 'GET /dns/query',
      name: message,
      path: '/dns/query?name=example.com',
      given: ({ route }) => {
        route.dns.reply = () => {
          throw new GatewayError('unavailable', 'dns.failed', message);
        };
      },
      status: 500,
      json: { message },
    }),
  ),
  {
    endpoint: 'GET {doh}',
    name: 'a query in the URL',
    path: `/dns-query?dns=${Buffer.from(QUERY, 'hex').toString('base64url')}`,
    ...DOH,
    status: 200,
    replyHeaders: { 'content-type': 'application/dns-message' },
    asked: ['doh 29 127.0.0.1 2048'],
  },
  {
    endpoint: 'GET {doh}',
    name: 'below the path',
    path: `/dns-query/some/client?dns=${Buffer.from(QUERY, 'hex').toString('base64url')}`,
    ...DOH,
    status: 200,
  },
  {
    endpoint: 'GET {doh}',
    name: 'no base64',
    path: '/dns-query/?dns=AAAA%3D',
    ...DOH,
    status: 500,
    text: 'illegal base64 data at input byte 4',
    replyHeaders: { 'content-type': 'text/plain; charset=utf-8' },
  },
  {
    endpoint: 'GET {doh}',
    name: 'no message',
    path: '/dns-query',
    ...DOH,
    status: 500,
    text: 'the message is too short',
  },
  {
    endpoint: 'GET {doh}',
    name: 'DNS off',
    path: '/dns-query',
    ...DOH,
    given: ({ route }) => {
      route.dns.enabled = false;
    },
    status: 500,
    text: 'DNS section is disabled',
  },
  {
    endpoint: 'POST {doh}',
    name: 'a query as body',
    path: '/dns-query/',
    ...DOH,
    headers: DNS_TYPE,
    body: Buffer.from(QUERY, 'hex').toString('latin1'),
    status: 200,
    asked: ['doh 29 127.0.0.1 2048'],
  },
  {
    endpoint: 'POST {doh}',
    name: 'another content type',
    path: '/dns-query',
    ...DOH,
    headers: { 'content-type': 'application/dns-message; charset=utf-8' },
    body: 'x',
    status: 500,
    text: 'invalid content-type',
  },
  ...['PUT', 'DELETE', 'PATCH'].map(
    (method): ContractCase => ({
      endpoint: 'POST {doh}',
      name: method,
      method,
      path: '/dns-query',
      ...DOH,
      status: 405,
      text: 'method not allowed',
    }),
  ),
];

export const STORAGE_CASES: readonly ContractCase[] = [
  {
    endpoint: 'GET /storage/{key}',
    name: 'nothing',
    path: '/storage/zashboard',
    status: 200,
    text: 'null',
    replyHeaders: { 'content-type': 'application/json' },
  },
  {
    endpoint: 'GET /storage/{key}',
    name: 'byte for byte',
    path: '/storage/a%2Fb%20c',
    given: ({ route }) => route.storage.put('a/b c', Buffer.from(' {"a" : "<&>" }\n\n')),
    status: 200,
    text: ' {"a" : "<&>" }\n\n',
  },
  ...['{"a":1}', '1', 'null', '"x"', ' [] '].map(
    (body): ContractCase => ({
      endpoint: 'PUT /storage/{key}',
      name: `stored: ${body}`,
      path: '/storage/k',
      body,
      headers: { 'content-type': 'text/plain' },
      status: 204,
      text: '',
      check: (_answer, { route }) => assert.equal(String(Buffer.from(route.storage.get('k') ?? [])), body),
    }),
  ),
  ...[undefined, '', '{', '{}garbage', `"${'x'.repeat(1_048_577)}`].map(
    (body): ContractCase => ({
      endpoint: 'PUT /storage/{key}',
      name: `no JSON: ${body?.slice(0, 10)}`,
      path: '/storage/k',
      ...(body === undefined ? {} : { body }),
      status: 400,
      text: BODY_INVALID,
    }),
  ),
  ...[1_048_577, 17_000_000].map(
    (length): ContractCase => ({
      endpoint: 'PUT /storage/{key}',
      name: `too long: ${length}`,
      path: '/storage/k',
      body: `"${'x'.repeat(length - 2)}"`,
      status: 413,
      text: '{"message":"payload exceeds 1MB limit"}\n',
    }),
  ),
  {
    endpoint: 'PUT /storage/{key}',
    name: 'exactly the limit',
    path: '/storage/k',
    body: `"${'x'.repeat(1_048_574)}"`,
    status: 204,
  },
  {
    endpoint: 'PUT /storage/{key}',
    name: 'a long key is dropped silently',
    path: `/storage/${'k'.repeat(65)}`,
    body: '1',
    status: 204,
    check: (_answer, { route }) => assert.equal(route.storage.values.size, 0),
  },
  {
    endpoint: 'DELETE /storage/{key}',
    name: 'forgotten',
    path: '/storage/k',
    given: ({ route }) => route.storage.put('k', Buffer.from('1')),
    status: 204,
    text: '',
    check: (_answer, { route }) => assert.equal(route.storage.get('k'), undefined),
  },
  { endpoint: 'DELETE /storage/{key}', name: 'unknown', path: '/storage/none', status: 204, text: '' },
  ...['/storage', '/storage/'].map(
    (path): ContractCase => ({
      endpoint: 'GET /storage/{key}',
      name: `no key: ${path}`,
      path,
      status: 404,
      text: PAGE_NOT_FOUND,
    }),
  ),
];
