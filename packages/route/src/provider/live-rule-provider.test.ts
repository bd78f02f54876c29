import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import type { RuleResources } from '../rule/rule-resources.ts';
import { LogRecorder } from '../testing/log-recorder.ts';
import { LiveRuleProvider } from './live-rule-provider.ts';
import type { RuleProviderConfig } from './provider-config.ts';

const resources: RuleResources = {
  geo: {
    datMode: false,
    countriesOf: () => [],
    asnOf: () => ({ number: '', organization: '' }),
    siteList: () => ({ size: 0, matches: () => false }),
    ipList: () => ({ size: 0, matches: () => false }),
    ipListSize: () => 0,
  },
  findSet: () => undefined,
  fakeIpBroadcast: '',
};

function create(config: Partial<RuleProviderConfig>, body = '') {
  const log = new LogRecorder();
  const changes: string[] = [];
  const answer = { status: 200, statusLine: '200 OK', headers: new Map(), body: Buffer.from(body) };
  const provider = new LiveRuleProvider(
    { name: 'r', source: { kind: 'inline' }, behavior: 'domain', format: 'yaml', payload: [], ...config },
    {
      clock: new FakeClock(),
      log,
      etags: () => undefined,
      fetcher: { fetch: () => Promise.resolve(answer) },
      resources,
      ensureGeo: () => Promise.resolve(),
      onChange: (name) => changes.push(name),
    },
  );
  return { provider, log, changes };
}
const http = {
  kind: 'http',
  url: 'http://r.test',
  path: '/dev/null/nowhere',
  intervalSeconds: 0,
  outbound: '',
  headers: {},
  sizeLimitBytes: 0,
} as const;

describe('rule provider', () => {
  it('serves the entries of the configuration', async () => {
    const { provider, changes } = create({ payload: ['+.a.test', '*.b.test'] });
    assert.equal(provider.current(), undefined);
    await provider.start();
    provider.stop();
    assert.equal(provider.current()?.hasDomain('x.a.test'), true);
    assert.deepEqual(changes, ['r']);
    assert.deepEqual(provider.view(), {
      name: 'r',
      behavior: 'Domain',
      format: '',
      vehicleType: 'Inline',
      ruleCount: 2,
      updatedAtMs: 1_700_000_000_000,
      payload: ['+.a.test', '*.b.test'],
      lastError: '',
    });
  });

  it('serves downloaded entries and keeps them when what comes is none', async () => {
    const { provider, log } = create(
      { source: http, behavior: 'ipcidr', format: 'text' },
      '# list\n10.0.0.0/8\nnonsense\n',
    );
    await provider.start();
    provider.stop();
    assert.equal(provider.current()?.hasIp('10.1.2.3'), true);
    const { format, vehicleType, ruleCount, payload } = provider.view();
    assert.deepEqual([format, vehicleType, ruleCount, payload], ['TextRule', 'HTTP', 1, undefined]);
    assert.match(log.lines.join('\n'), /warning \[Provider\] r: .*nonsense/);
  });

  it('refuses what the format cannot be', async () => {
    for (const [config, message] of [
      [{ behavior: 'classical', format: 'mrs' }, /^invalid format$/],
      [{ behavior: 'domain', format: 'yaml' }, /^file must have a `payload` field$/],
    ] as const) {
      const { provider, log } = create({ source: http, ...config }, 'x: y');
      await provider.start();
      provider.stop();
      assert.match(provider.view().lastError, message);
      assert.match(log.lines.join('\n'), /error initial rule provider r error: /);
      assert.equal(provider.current(), undefined);
    }
  });
});
