import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type PartialRouteConfig, routeConfig } from '../testing/route-rig.ts';
import { reportShadowedRules } from './check-route.ts';

function shadowed(target: string, proxies: PartialRouteConfig['proxies']): (string | number)[] {
  const found: (string | number)[] = [];
  const config = routeConfig({
    ...(proxies && { proxies }),
    rules: [`DOMAIN-SUFFIX,test,${target}`, 'DOMAIN,a.test,REJECT'],
  });
  reportShadowedRules(config, (_severity, path) => found.push(...path));
  return found;
}

it('tells of rules behind a target that takes everything', () => {
  assert.deepEqual(shadowed('DIRECT', []), ['rules', 1]);
  assert.deepEqual(shadowed('way', [{ name: 'way', type: 'direct' }]), ['rules', 1]);
});

it('says nothing where datagrams pass over the target', () => {
  const server = { name: 'way', server: '127.0.0.1', port: 1 };
  assert.deepEqual(shadowed('way', [{ ...server, type: 'socks5' }]), []);
  assert.deepEqual(shadowed('way', [{ ...server, type: 'http' }]), []);
  assert.deepEqual(shadowed('way', [{ ...server, type: 'socks5', udp: true }]), ['rules', 1]);
  assert.deepEqual(shadowed('PASS', []), []);
});
