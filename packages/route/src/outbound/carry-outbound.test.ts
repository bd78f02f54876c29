import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { describe, it } from 'node:test';
import { systemClock } from '@sluice/base/clock';
import type { ProxyConfig } from '../config/proxy-config.ts';
import { LoopbackGuard } from '../net/loopback-guard.ts';
import { NO_TRAITS, type Outbound, type OutboundRequest } from './outbound.ts';
import { carryOutbound, createOutbound, type OutboundParts } from './registry.ts';
import { RejectOutbound } from './reject/reject.ts';

const parts: OutboundParts = {
  clock: systemClock,
  connect: {
    clock: systemClock,
    resolver: { resolve: () => Promise.reject(new Error('nothing may be resolved')) },
    concurrent: () => false,
    keepAliveMs: () => 0,
  },
  guard: new LoopbackGuard(),
  connector: () => () => Promise.reject(new Error('not through the carrier')),
  answerDns: () => Promise.reject(new Error('no DNS')),
};

describe('carried outbound', () => {
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

  it('reaches its server through the carrier instead of its own way', async () => {
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
    const carried = carryOutbound(outbound, carrier, parts);
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

  it('a built-in stays as it is', () => {
    const reject = new RejectOutbound('REJECT');
    assert.equal(carryOutbound(reject, createOutbound(config, parts), parts), reject);
  });
});
