import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { address } from '@sluice/route/dns/testing/fake-exchanger';
import { LoopbackDns } from '@sluice/route/dns/testing/loopback-dns';
import { freePort } from '@sluice/route/testing/route-rig';
import { KernelScene, type RouteKeys } from '../support/kernel-scene.ts';
import { needs } from '../support/programs.ts';

describe('fake addresses from the DNS listener', needs('dig'), () => {
  let scene: KernelScene;
  let upstream: LoopbackDns;
  let keys: RouteKeys;
  let dnsPort: number;
  let echo: number;

  beforeEach(async () => {
    scene = new KernelScene();
    upstream = new LoopbackDns({
      'echo.test A': [address('echo.test', '127.0.0.1')],
      'mail.test MX': [],
      'real.test A': [address('real.test', '192.0.2.7')],
    });
    const server = await upstream.listen();
    scene.rig.onClose(() => upstream.close());
    echo = await scene.rig.echo();
    dnsPort = await freePort();
    keys = {
      hosts: { 'fixed.test': '192.0.2.9', 'alias.test': 'fixed.test' },
      profile: { 'store-fake-ip': true },
      dns: {
        enable: true,
        listen: `127.0.0.1:${dnsPort}`,
        'enhanced-mode': 'fake-ip',
        'fake-ip-range': '198.18.0.1/16',
        'fake-ip-filter': ['+.real.test'],
        'use-system-hosts': false,
        nameserver: [server],
        'default-nameserver': [server],
      },
      rules: ['DOMAIN,echo.test,DIRECT', 'MATCH,REJECT'],
    };
  });
  afterEach(() => scene.close());

  it('hands them out in order, over UDP and TCP, and leaves the rest to the servers', async () => {
    await scene.start(keys);
    assert.deepEqual(await scene.dig(dnsPort, 'a.test'), ['a.test. 1 IN A 198.18.0.4']);
    assert.deepEqual(await scene.dig(dnsPort, '+tcp', 'b.test'), ['b.test. 1 IN A 198.18.0.5']);
    assert.deepEqual(await scene.dig(dnsPort, 'A.test'), ['A.test. 1 IN A 198.18.0.4']);
    assert.deepEqual(await scene.dig(dnsPort, 'www.real.test'), []);
    assert.deepEqual(await scene.dig(dnsPort, 'real.test'), ['real.test. 300 IN A 192.0.2.7']);
    assert.deepEqual(await scene.dig(dnsPort, 'a.test', 'AAAA'), []);
    assert.deepEqual(await scene.dig(dnsPort, 'fixed.test'), ['fixed.test. 10 IN A 192.0.2.9']);
    assert.deepEqual(await scene.dig(dnsPort, 'alias.test'), [
      'alias.test. 10 IN CNAME fixed.test.',
      'fixed.test. 10 IN A 192.0.2.9',
    ]);
    assert.deepEqual(upstream.asked, ['www.real.test A', 'real.test A']);
  });

  it('answers HTTPS and SVCB with nothing and without a SOA', async () => {
    await scene.start(keys);
    for (const type of ['HTTPS', 'SVCB'])
      assert.deepEqual(await scene.dig(dnsPort, '+noedns', '+comments', '+authority', 'a.test', type), [
        ';; Got answer:',
        ';; ->>HEADER<<- opcode: QUERY, status:',
        ';; flags: qr aa rd',
      ]);
    assert.deepEqual(upstream.asked, []);
  });

  it('routes connections to them by name, and refuses those it never gave', async () => {
    await scene.start(keys);
    await scene.dig(dnsPort, 'echo.test');
    await scene.dig(dnsPort, 'other.test');
    const socket = await scene.socks('198.18.0.4', echo);
    socket.write('ping');
    await new Promise((resolve) => socket.once('data', resolve));
    const { connections } = await scene.get('/connections');
    assert.equal(connections.length, 1);
    const [{ metadata, rule, chains }] = connections;
    assert.equal(metadata.host, 'echo.test');
    assert.equal(metadata.dnsMode, 'fake-ip');
    assert.equal(rule, 'Domain');
    assert.deepEqual(chains, ['DIRECT']);
    assert.equal(await scene.talk('198.18.0.5', echo), 'refused');
    assert.equal(await scene.talk('198.18.0.77', echo), 'refused');
    await scene.logged('fake DNS record 198.18.0.77 missing');
  });

  it('keeps them over a restart and forgets them when told to', async () => {
    await scene.start(keys);
    await scene.dig(dnsPort, 'other.test');
    assert.deepEqual(await scene.dig(dnsPort, 'echo.test'), ['echo.test. 1 IN A 198.18.0.5']);
    await scene.stop();
    await scene.start(keys);
    assert.equal(await scene.talk('198.18.0.5', echo), 'ping');
    assert.deepEqual(await scene.dig(dnsPort, 'third.test'), ['third.test. 1 IN A 198.18.0.6']);
    assert.equal((await scene.api('POST', '/cache/fakeip/flush')).status, 204);
    assert.equal(await scene.talk('198.18.0.5', echo), 'refused');
    assert.deepEqual(await scene.dig(dnsPort, 'echo.test'), ['echo.test. 1 IN A 198.18.0.4']);
  });

  it('keeps them over a reload, follows its filter, and gives others in another range', async () => {
    const web = await scene.web();
    web.answers.set('/names', 'payload: ["+.real.test"]');
    const { base } = web;
    const names = {
      type: 'http',
      behavior: 'domain',
      url: `${base}/names`,
      path: './names.yaml',
      proxy: 'DIRECT',
    };
    const withFilter = (dns: object): RouteKeys => ({
      ...keys,
      profile: { 'store-fake-ip': false },
      'rule-providers': { names },
      dns: { ...(keys['dns'] as object), 'fake-ip-filter': ['rule-set:names'], ...dns },
    });
    const reload = async (dns: object) => {
      const payload = { 'mixed-port': scene.gateway.ports.mixed, ...withFilter(dns) };
      const { status, text } = await scene.api('PUT', '/configs?force=true', {
        payload: JSON.stringify(payload),
      });
      assert.equal(status, 204, text);
    };
    await scene.start(withFilter({}));
    assert.deepEqual(await scene.dig(dnsPort, 'echo.test'), ['echo.test. 1 IN A 198.18.0.4']);
    assert.deepEqual(await scene.dig(dnsPort, 'real.test'), ['real.test. 300 IN A 192.0.2.7']);
    await reload({ 'fake-ip-ttl': 7 });
    assert.equal(await scene.talk('198.18.0.4', echo), 'ping');
    assert.deepEqual(await scene.dig(dnsPort, 'echo.test'), ['echo.test. 7 IN A 198.18.0.4']);
    web.answers.set('/names', 'payload: ["other.test"]');
    assert.equal((await scene.api('PUT', '/providers/rules/names')).status, 204);
    assert.deepEqual(await scene.dig(dnsPort, 'real.test'), ['real.test. 7 IN A 198.18.0.5']);
    await reload({ 'fake-ip-range': '198.19.0.1/16' });
    assert.deepEqual(await scene.dig(dnsPort, 'echo.test'), ['echo.test. 1 IN A 198.19.0.4']);
    assert.equal(await scene.talk('198.18.0.4', echo), 'refused');
    await reload({ 'enhanced-mode': 'normal' });
    assert.deepEqual(await scene.dig(dnsPort, 'echo.test'), ['echo.test. 300 IN A 127.0.0.1']);
    assert.equal(await scene.talk('198.19.0.4', echo), 'refused');
  });

  it('gives them only to listed names in whitelist mode', async () => {
    const dns = { ...(keys['dns'] as object), 'fake-ip-filter-mode': 'whitelist' };
    await scene.start({ ...keys, dns });
    assert.deepEqual(await scene.dig(dnsPort, 'echo.test'), ['echo.test. 300 IN A 127.0.0.1']);
    assert.deepEqual(await scene.dig(dnsPort, 'www.real.test'), ['www.real.test. 1 IN A 198.18.0.4']);
  });

  it('answers a UDP client from the fake address, whoever it speaks to, in one session', async () => {
    await scene.start({ ...keys, rules: ['DOMAIN,echo.test,DIRECT', 'MATCH,REJECT'] });
    await scene.dig(dnsPort, 'echo.test');
    const [first, second] = [await scene.rig.udpEcho(), await scene.rig.udpEcho()];
    const client = await scene.socksUdp();
    const fake = await client.ask({ host: '198.18.0.4', port: first }, 'one');
    assert.deepEqual([fake.from, fake.text], [`198.18.0.4:${first}`, 'one']);
    const again = await client.ask({ host: '198.18.0.4', port: second }, 'three');
    assert.equal(again.from, `198.18.0.4:${second}`);
    const { connections } = await scene.get('/connections');
    assert.equal(connections.length, 1);
    assert.equal(connections[0].metadata.sourcePort, String(client.port));
    assert.equal(connections[0].metadata.network, 'udp');
  });
});
