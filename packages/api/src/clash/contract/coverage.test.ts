import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clashOperations } from '../clash-dialect.ts';
import { clashFixture } from '../test-support.ts';
import { CONFIG_CASES } from './config-cases.ts';
import type { ContractCase } from './contract-case.ts';
import { DEBUG_CASES } from './debug-cases.ts';
import { DNS_CASES, STORAGE_CASES } from './dns-cases.ts';
import { MAINTENANCE_CASES } from './maintenance-cases.ts';
import { PAGE_CASES } from './page-cases.ts';
import { PROVIDER_CASES } from './provider-cases.ts';
import { PROXY_CASES } from './proxy-cases.ts';
import { STREAM_CASES } from './stream-cases.ts';
import { TRAFFIC_CASES } from './traffic-cases.ts';

/** The index of endpoints and every status each can answer, besides 401, 404 for paths and 405. */
const ENDPOINTS: Readonly<Record<string, readonly number[]>> = {
  'GET /': [200],
  'GET /logs': [400],
  'GET /traffic': [],
  'GET /memory': [],
  'GET /version': [200, 401],
  'POST /cache/fakeip/flush': [204, 400],
  'POST /cache/dns/flush': [204],
  'GET /configs': [200],
  'PUT /configs': [204, 400],
  'PATCH /configs': [204, 400],
  'POST /configs/geo': [204, 500],
  'POST /restart': [200, 500],
  'POST /upgrade': [200, 500],
  'POST /upgrade/ui': [200, 500],
  'POST /upgrade/geo': [204, 500],
  'GET /group': [200],
  'GET /group/{name}': [200, 404],
  'DELETE /group/{name}': [204, 400, 404],
  'GET /group/{name}/delay': [200, 400, 404, 504],
  'GET /proxies': [200],
  'GET /proxies/{name}': [200, 404],
  'PUT /proxies/{name}': [204, 400, 404],
  'DELETE /proxies/{name}': [204, 400, 404],
  'GET /proxies/{name}/delay': [200, 400, 404, 503, 504],
  'GET /providers/proxies': [200],
  'GET /providers/proxies/{p}': [200, 404],
  'PUT /providers/proxies/{p}': [204, 404, 503],
  'GET /providers/proxies/{p}/healthcheck': [204, 404],
  'GET /providers/proxies/{p}/{n}': [200, 404],
  'GET /providers/proxies/{p}/{n}/healthcheck': [200, 400, 404, 503, 504],
  'GET /providers/rules': [200],
  'GET /providers/rules/{p}': [200, 404],
  'PUT /providers/rules/{p}': [204, 404, 503],
  'GET /rules': [200],
  'PATCH /rules/disable': [204, 400],
  'GET /connections': [200],
  'DELETE /connections': [204],
  'DELETE /connections/{id}': [204],
  'GET /dns/query': [200, 400, 500],
  'GET /storage/{key}': [200, 404],
  'PUT /storage/{key}': [204, 400, 413],
  'DELETE /storage/{key}': [204],
  'PUT /debug/gc': [200, 405],
  'GET /debug': [301],
  'GET /debug/pprof/*': [200, 400, 404, 500],
  'GET /debug/vars': [200],
  'GET /ui': [307, 404],
  'GET /ui/*': [200, 206, 301, 404, 405],
  'GET {doh}': [200, 500],
  'POST {doh}': [200, 405, 500],
};

/** Every fixed text of the control API. */
const TEXTS = [
  'Unauthorized',
  'Body invalid',
  'Resource not found',
  'Timeout',
  '404 page not found',
  'An error occurred in the delay test',
  'get delay: all proxies timeout',
  'Must be a Selector',
  'Selector update error: proxy not exist',
  'path is not a absolute path',
  'path is not subpath of home directory or SAFE_PATHS: ',
  'GEO database is updating, skip',
  "can't download MMDB database file: ",
  "can't download ASN database file: ",
  "can't download GeoIP database file: ",
  "can't download GeoSite database file: ",
  'invalid MMDB database file: ',
  "can't save ",
  'getting path: ',
  'update error: already using latest version ',
  'get latest version: ',
  'downloading: ',
  'unpacking: ',
  'backuping: ',
  'replacing: ',
  "can't download file: ",
  "can't extract compressed file: ",
  'unknown or unsupported file type',
  'cleanup exist file error: ',
  'prepare UI path failed: ',
  'move UI folder failed: ',
  'file must have a `proxies` field',
  "file doesn't have any proxy",
  "doesn't match any proxy, please check your filter",
  'file must have a `payload` field',
  'invalid query type',
  'DNS section is disabled',
  'all DNS requests failed, first error: ',
  'context deadline exceeded',
  'payload exceeds 1MB limit',
  'invalid content-type',
  'method not allowed',
  'configuration file /home/sluice/c.yaml is empty',
  ': no such file or directory',
  'yaml: ',
  'is the duplicate name',
  'proxy group[0]: ',
  'error: proxy [x] not found',
];

const CASES: readonly ContractCase[] = [
  ...PAGE_CASES,
  ...CONFIG_CASES,
  ...MAINTENANCE_CASES,
  ...PROXY_CASES,
  ...PROVIDER_CASES,
  ...TRAFFIC_CASES,
  ...DNS_CASES,
  ...STORAGE_CASES,
  ...DEBUG_CASES,
];

describe('the contract of the clash dialect', () => {
  it('has a case for every endpoint and each of its statuses', () => {
    const missing = Object.entries(ENDPOINTS).flatMap(([endpoint, statuses]) => {
      const own = CASES.filter((one) => one.endpoint === endpoint);
      const isStreamed = STREAM_CASES.some((one) => one.endpoint === endpoint);
      const gaps = statuses.filter((status) => !own.some((one) => one.status === status));
      return own.length === 0 && !isStreamed ? [endpoint] : gaps.map((status) => `${endpoint} ${status}`);
    });
    assert.deepEqual(missing, []);
  });

  it('names no endpoint that the index does not have', () => {
    const unknown = [...CASES, ...STREAM_CASES].filter(({ endpoint }) => ENDPOINTS[endpoint] === undefined);
    assert.deepEqual(
      unknown.map(({ endpoint }) => endpoint),
      [],
    );
  });

  it('has a case for every fixed text', () => {
    const said = CASES.map(
      ({ text, json }) => `${text ?? ''} ${(json as { message?: string })?.message ?? ''}`,
    );
    assert.deepEqual(
      TEXTS.filter((text) => !said.some((one) => one.includes(text))),
      [],
    );
  });

  it('is documented whole, and the document holds nothing else', () => {
    const documented = new Set(
      clashOperations(clashFixture({ dohPath: '/doh' })).operations.map(
        ({ method, path }) => `${method} ${indexName(path)}`,
      ),
    );
    const listed = new Set(Object.keys(ENDPOINTS));
    assert.deepEqual(
      [...listed].filter((endpoint) => !documented.has(endpoint)),
      [],
    );
    assert.deepEqual(
      [...documented].filter((endpoint) => !listed.has(endpoint)),
      [],
    );
  });
});

/** A documented path as the index of endpoints writes it. */
function indexName(path: string): string {
  if (path === '/doh') return '{doh}';
  if (path === '/debug/pprof') return '/debug';
  if (path.startsWith('/debug/pprof/')) return '/debug/pprof/*';
  if (path.startsWith('/ui/')) return '/ui/*';
  return path
    .replace('/providers/proxies/:provider/:name', '/providers/proxies/{p}/{n}')
    .replace(':provider', '{p}')
    .replace(/:(\w+)/g, '{$1}');
}
