import assert from 'node:assert/strict';
import { GatewayError } from '@sluice/base/errors';
import type { ClashFixture } from '../test-support.ts';
import { type ContractCase, OK } from './contract-case.ts';

const failure = (kind: 'conflict' | 'unavailable', message: string) => new GatewayError(kind, 'x', message);

const GEO_FAILURES = [
  'GEO database is updating, skip',
  "can't download MMDB database file: refused",
  "can't download ASN database file: refused",
  "can't download GeoIP database file: refused",
  "can't download GeoSite database file: refused",
  'invalid MMDB database file: bad metadata',
  "can't save MMDB database file: disk full",
];
const UI_FAILURES = [
  "can't download file: refused",
  "can't extract compressed file: unknown or unsupported file type",
  'cleanup exist file error: denied',
  'prepare UI path failed: denied',
  'move UI folder failed: denied',
];
const UPGRADE_FAILURES = [
  'update error: already using latest version v1.19.27',
  'get latest version: refused',
  'downloading: refused',
  'unpacking: bad archive',
  'backuping: denied',
  'replacing: denied',
];

const restarted = async (fixture: ClashFixture): Promise<void> => {
  // The answer is read before the connection is through with it.
  while (!fixture.lifecycle.asked.includes('restart')) await new Promise(setImmediate);
};

export const MAINTENANCE_CASES: readonly ContractCase[] = [
  {
    endpoint: 'POST /cache/fakeip/flush',
    name: 'forgotten',
    path: '/cache/fakeip/flush',
    status: 204,
    text: '',
    asked: ['flush fakeip'],
  },
  {
    endpoint: 'POST /cache/fakeip/flush',
    name: 'the store fails',
    path: '/cache/fakeip/flush',
    given: ({ route }) => {
      route.dns.fakeIpFailure = 'database is locked';
    },
    status: 400,
    text: '{"message":"database is locked"}\n',
  },
  {
    endpoint: 'POST /cache/dns/flush',
    name: 'forgotten',
    path: '/cache/dns/flush',
    body: 'ignored',
    status: 204,
    text: '',
    asked: ['flush dns'],
  },
  ...['/configs/geo', '/upgrade/geo'].flatMap((path): readonly ContractCase[] => [
    {
      endpoint: `POST ${path}`,
      name: 'downloaded',
      path,
      body: '{"path":"","payload":""}',
      status: 204,
      text: '',
      asked: ['geo'],
    },
    ...GEO_FAILURES.map(
      (message): ContractCase => ({
        endpoint: `POST ${path}`,
        name: message,
        path,
        given: ({ route }) => {
          route.geo.failure = failure('conflict', message);
        },
        status: 500,
        json: { message },
      }),
    ),
  ]),
  {
    endpoint: 'POST /upgrade/ui',
    name: 'replaced',
    path: '/upgrade/ui',
    status: 200,
    text: OK,
    asked: ['ui'],
  },
  ...UI_FAILURES.map(
    (message): ContractCase => ({
      endpoint: 'POST /upgrade/ui',
      name: message,
      path: '/upgrade/ui',
      given: ({ route }) => {
        route.uiFailure = failure('unavailable', message);
      },
      status: 500,
      json: { message },
    }),
  ),
  {
    endpoint: 'POST /restart',
    name: 'answered, then restarted',
    path: '/restart/',
    body: '{"path":"","payload":""}',
    status: 200,
    text: OK,
    check: async (_answer, fixture) => {
      await restarted(fixture);
      assert.deepEqual(fixture.lifecycle.asked, ['restart']);
    },
  },
  ...(['/restart', '/upgrade'] as const).map(
    (path): ContractCase => ({
      endpoint: `POST ${path}`,
      name: 'the program is gone',
      path,
      given: ({ lifecycle }) => {
        lifecycle.missing = 'no such file';
      },
      status: 500,
      text: '{"message":"getting path: no such file"}\n',
      check: (_answer, { lifecycle }) => assert.ok(!lifecycle.asked.includes('restart')),
    }),
  ),
  ...(
    [
      ['', 'undefined false'],
      ['?channel=Release&force=true', 'release true'],
      ['?channel=ALPHA&force=1', 'alpha false'],
      ['?channel=beta', 'undefined false'],
    ] as const
  ).map(
    ([query, asked]): ContractCase => ({
      endpoint: 'POST /upgrade',
      name: `installed, then restarted: ${query}`,
      path: `/upgrade${query}`,
      status: 200,
      text: OK,
      check: async (_answer, fixture) => {
        await restarted(fixture);
        assert.deepEqual(fixture.lifecycle.asked, [`upgrade ${asked}`, 'restart']);
      },
    }),
  ),
  ...UPGRADE_FAILURES.map(
    (message): ContractCase => ({
      endpoint: 'POST /upgrade',
      name: message,
      path: '/upgrade/',
      given: ({ lifecycle }) => {
        lifecycle.upgradeFailure = message;
      },
      status: 500,
      json: { message },
    }),
  ),
];
