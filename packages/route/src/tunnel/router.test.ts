import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { HostTable } from '../config/host-table.ts';
import type { OutboundTable } from '../group/outbound-table.ts';
import { compileRules } from '../rule/compile-rules.ts';
import { type CompileLines, TemporaryRules } from '../rule/temporary-rules.ts';
import { testFlow, testResources } from '../rule/testing/rule-resources.ts';
import { Router } from './router.ts';

const compile: CompileLines = (rules, refuse) =>
  compileRules({ rules, subRules: {} }, () => true, testResources(), refuse);

it('says where a step began in the list that it ended in', async () => {
  const temporary = new TemporaryRules(new FakeClock(), compile);
  temporary.add('DOMAIN,x.test,X', 60);
  temporary.add('GEOIP,cn,X', 60);
  const router = new Router({
    resolver: { resolve: async () => ({ ipv4: ['9.9.9.9'], ipv6: [] }) },
    processes: { find: async () => undefined },
    findProcess: () => 'off',
    temporary,
    nowMs: () => 0,
  });
  const rules = compile(['DOMAIN,a.test,A', 'MATCH,B'], () => undefined);
  const leaf = { type: 'Direct' };
  const outbounds = { resolve: () => ({ leaf, udp: true }) } as unknown as OutboundTable;
  const steps: [string, number][] = [];
  const tables = { outbounds, rules, hosts: new HostTable() };
  const match = await router.matchRules(testFlow({ host: 'a.test' }), tables, (step, from) =>
    steps.push([step.kind, from]),
  );
  assert.equal(match.kind === 'matched' && match.rule.target, 'A');
  assert.deepEqual(steps, [
    ['needs-ip', 0],
    ['matched', 0],
  ]);
});
