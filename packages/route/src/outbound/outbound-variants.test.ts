import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { describe, it } from 'node:test';
import { systemClock } from '@sluice/base/clock';
import type { ProxyConfig } from '../config/proxy-config.ts';
import type { ConnectSettings } from '../net/connect.ts';
import { LoopbackGuard } from '../net/loopback-guard.ts';
import { NO_TRAITS, type Outbound, type OutboundRequest } from './outbound.ts';
import { RebuiltVariants } from './outbound-variants.ts';
import { createBuiltIns, createOutbound, type OutboundParts } from './registry.ts';

const connect: ConnectSettings = {
  clock: systemClock,
  resolver: { resolve: () => Promise.reject(new Error('nothing may be resolved')) },
  concurrent: () => false,
  keepAlive: () => ({ enabled: false, idleMs: 0, intervalMs: 0 }),
};

const parts: OutboundParts = {
  clock: systemClock,
  connect,
  serverConnect: connect,
  guard: new LoopbackGuard(),
  connector: () => () => Promise.reject(new Error('not through the carrier')),
  packets: () => () => Promise.reject(new Error('not through the carrier')),
  answerDns: () => Promise.reject(new Error('no DNS')),
};

describe('outbound variants', () => {
  const variants = new RebuiltVariants(parts);

  const config: ProxyConfig = {
    name: 'node',
    type: 'http',
    server: 'server.test',
    port: 8080,
    ipVersion: 'dual',
    udp: false,
    username: '',
    password: '',
    tls: undefined,
    headers: {},
    traits: { ...NO_TRAITS, dialerProxy: 'own' },
  };

  it('a carried outbound reaches its server through the carrier instead of its own way', async () => {
    const [near, far] = duplexPair();
    const asked: OutboundRequest['target'][] = [];
    const carrier: Outbound = {
      name: 'carrier',
      type: 'Socks5',
      udp: false,
      traits: NO_TRAITS,
      dialTcp: async ({ target }) => {
        asked.push(target);
        return { stream: near, remote: 'carried' };
      },
      openUdp: () => Promise.reject(new Error('no UDP')),
    };
    const outbound = createOutbound(config, parts);
    const carried = variants.carried(outbound, carrier);
    assert.equal(variants.carried(outbound, carrier), carried);
    assert.equal(carried.name, 'node');
    assert.equal(carried.traits.dialerProxy, 'carrier');
    const request = {
      target: { host: 'site.test', port: 443 },
      source: undefined,
      signal: new AbortController().signal,
    };
    const opening = carried.dialTcp(request);
    const [head] = (await once(far, 'data')) as [Buffer];
    assert.match(head.toString(), /^CONNECT site\.test:443 HTTP\/1\.1\r\n/);
    far.write('HTTP/1.1 200 OK\r\n\r\n');
    assert.equal((await opening).stream, near);
    assert.deepEqual(asked, [{ host: 'server.test', port: 8080 }]);
    near.destroy();
    await assert.rejects(outbound.dialTcp(request), /not through the carrier/);
  });

  it('a bound outbound has the interface and mark that it does not name itself', () => {
    const own = { ...NO_TRAITS, interfaceName: 'eth1' };
    const outbound = createOutbound({ ...config, traits: own }, parts);
    const bound = variants.bound(outbound, 'eth9', 7);
    assert.deepEqual(bound.traits, { ...own, routingMark: 7 });
    assert.equal(variants.bound(outbound, 'eth9', 7), bound);
    assert.equal(variants.bound(outbound, 'other', 7), bound);
    assert.equal(variants.bound(outbound, 'eth9', 0), outbound);
    assert.equal(variants.bound(bound, 'eth9', 8), bound);
  });

  it('an outbound with a carrier opens no sockets to bind', () => {
    const outbound = createOutbound(config, parts);
    assert.equal(variants.bound(outbound, 'eth9', 7), outbound);
  });

  it('of the built-ins only those that connect have variants', () => {
    const changed = createBuiltIns(parts).filter((each) => variants.bound(each, 'eth9', 0) !== each);
    assert.deepEqual(
      changed.map(({ name }) => name),
      ['DIRECT', 'COMPATIBLE'],
    );
    assert.equal(variants.bound(changed[0] as Outbound, 'eth9', 0).traits.interfaceName, 'eth9');
  });
});
