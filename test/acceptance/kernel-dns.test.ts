import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseCidr } from '@sluice/base/ip';
import { encodeQuery } from '@sluice/codec/dns/encode';
import { scanMessage } from '@sluice/codec/dns/message';
import { answerAddresses } from '@sluice/codec/dns/records';
import { DNS_TYPE } from '@sluice/codec/dns/types';
import { encodeMmdb } from '@sluice/codec/mmdb/encode-mmdb';
import { address } from '@sluice/route/dns/testing/fake-exchanger';
import { LoopbackDns } from '@sluice/route/dns/testing/loopback-dns';
import { freePort } from '@sluice/route/testing/route-rig';
import { TEST_CERTIFICATE, TEST_KEY } from '@sluice/route/testing/test-certificate';
import { KernelScene, type RouteKeys } from '../support/kernel-scene.ts';
import { needs, runProgram } from '../support/programs.ts';
import { ScriptedProxy } from '../support/scripted-proxy.ts';

describe('the resolver and the DNS server', needs('dig', 'curl'), () => {
  let scene: KernelScene;
  let listen: number;

  beforeEach(async () => {
    scene = new KernelScene();
    listen = await freePort();
  });
  afterEach(() => scene.close());

  /** A server that knows some names; the result is its address. */
  async function server(names: Readonly<Record<string, string>>): Promise<{ at: string; dns: LoopbackDns }> {
    const dns = new LoopbackDns(
      Object.fromEntries(
        Object.entries(names).map(([name, ip]) => [
          `${name} ${ip.includes(':') ? 'AAAA' : 'A'}`,
          [address(name, ip)],
        ]),
      ),
    );
    const at = await dns.listen();
    scene.rig.onClose(() => dns.close());
    return { at, dns };
  }

  const start = (dns: RouteKeys, more: RouteKeys = {}) =>
    scene.start({
      dns: { enable: true, listen: `127.0.0.1:${listen}`, 'use-system-hosts': false, ...dns },
      ...more,
    });

  /** The addresses dig gets. */
  const ask = async (...args: string[]): Promise<string[]> =>
    (await scene.dig(listen, ...args)).map((line) => line.split(' ').at(-1) ?? '');

  const lastLog = () => {
    const [entry] = scene.gateway.app.route.control.dns.log(1);
    assert.ok(entry !== undefined);
    return entry;
  };

  it('asks the servers of the first policy that matches, and says which', async () => {
    const main = await server({ 'a.test': '192.0.2.1', 'x.corp.test': '192.0.2.66' });
    const corp = await server({ 'x.corp.test': '192.0.2.2', 'intra.test': '192.0.2.3' });
    const listed = await server({ 'l.listed.test': '192.0.2.4' });
    await start(
      {
        nameserver: [main.at],
        'default-nameserver': [main.at],
        'nameserver-policy': {
          '+.corp.test,intra.test': corp.at,
          'rule-set:names': [listed.at],
          '+.void.test': 'rcode://name_error',
          '+.ok.test': 'rcode://success',
        },
      },
      { 'rule-providers': { names: { type: 'inline', behavior: 'domain', payload: ['+.listed.test'] } } },
    );
    assert.deepEqual(await ask('a.test'), ['192.0.2.1']);
    assert.deepEqual([lastLog().via, lastLog().name, lastLog().type], ['main', 'a.test', 'A']);
    assert.match(lastLog().server, new RegExp(main.at.split(':')[1] ?? ''));
    assert.deepEqual(await ask('x.corp.test'), ['192.0.2.2']);
    assert.match(lastLog().via, /policy.*corp\.test/);
    assert.deepEqual(await ask('intra.test'), ['192.0.2.3']);
    assert.deepEqual(await ask('l.listed.test'), ['192.0.2.4']);
    assert.match(lastLog().via, /policy.*names/);
    assert.deepEqual(await ask('x.void.test'), []);
    assert.equal(lastLog().status, 'NXDOMAIN');
    assert.deepEqual(await ask('x.ok.test'), []);
    assert.equal(lastLog().status, 'NOERROR');
    assert.deepEqual(await ask('a.test'), ['192.0.2.1']);
    assert.equal(lastLog().via, 'cache');
    assert.deepEqual(main.dns.asked, ['a.test A']);
    assert.match(lastLog().client, /^127\.0\.0\.1:\d+$/);
  });

  it('distrusts main servers by country, prefix and name', async () => {
    const cidr = parseCidr('203.0.113.0/24');
    assert.ok(cidr !== undefined);
    const networks = [{ cidr, value: new Map([['country', new Map([['iso_code', 'CN']])]]) }];
    writeFileSync(
      join(scene.folder, 'country.mmdb'),
      encodeMmdb({ databaseType: 'GeoLite2-Country', recordSize: 24, ipVersion: 6, networks }),
    );
    const main = await server({
      'home.test': '203.0.113.1',
      'far.test': '198.51.100.1',
      'bad.test': '203.0.113.99',
      'lan.test': '10.0.0.1',
    });
    const other = await server({
      'far.test': '192.0.2.1',
      'bad.test': '192.0.2.2',
      'x.only.test': '192.0.2.3',
      'home.test': '192.0.2.4',
      'lan.test': '192.0.2.5',
    });
    await start({
      nameserver: [main.at],
      'default-nameserver': [main.at],
      fallback: [other.at],
      'fallback-filter': {
        geoip: true,
        'geoip-code': 'CN',
        ipcidr: ['203.0.113.99/32'],
        domain: ['+.only.test'],
      },
    });
    assert.deepEqual(await ask('home.test'), ['203.0.113.1']);
    assert.equal(lastLog().via, 'main');
    assert.deepEqual(await ask('far.test'), ['192.0.2.1']);
    assert.equal(lastLog().via, 'fallback');
    assert.deepEqual(await ask('bad.test'), ['192.0.2.2']);
    assert.deepEqual(await ask('lan.test'), ['10.0.0.1']);
    assert.deepEqual(await ask('x.only.test'), ['192.0.2.3']);
    assert.ok(!main.dns.asked.includes('x.only.test A'));
  });

  it('asks over HTTPS with a certificate it was told to trust, by a name of its own', async () => {
    const names = await server({ 'proxy.test': '127.0.0.1' });
    const far = await server({ 'a.test': '192.0.2.7' });
    const ids: number[] = [];
    const secure = https.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (request, response) => {
      const encoded = new URL(request.url ?? '', 'https://x').searchParams.get('dns') ?? '';
      const message = Buffer.from(encoded, 'base64url');
      ids.push(message.readUInt16BE(0));
      assert.equal(request.headers.accept, 'application/dns-message');
      response.setHeader('content-type', 'application/dns-message').end(far.dns.answer(message));
    });
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
    scene.rig.onClose(() => {
      secure.close();
      secure.closeAllConnections();
    });
    const url = `https://proxy.test:${(secure.address() as AddressInfo).port}/dns-query`;
    const dns = { 'default-nameserver': [names.at], nameserver: [url] };
    await start(dns, { tls: { 'custom-certifactes': [TEST_CERTIFICATE] } });
    assert.deepEqual(await ask('a.test'), ['192.0.2.7']);
    assert.match(lastLog().server, /^https:\/\/proxy\.test/);
    assert.deepEqual(ids, [0]);
    await scene.stop();
    await start(dns);
    assert.deepEqual(await ask('a.test'), []);
    const failed = scene.gateway.app.route.control.dns.log(10).find(({ name }) => name === 'a.test');
    assert.equal(failed?.status, 'ERROR');
    await scene.stop();
    await start({ ...dns, nameserver: [`${url}#skip-cert-verify=true`] });
    assert.deepEqual(await ask('a.test'), ['192.0.2.7']);
  });

  it('carries questions through the outbound behind #, and by the rules', async () => {
    const main = await server({ 'a.test': '192.0.2.1', 'b.test': '192.0.2.2' });
    const port = main.at.split(':')[1] ?? '';
    const proxy = new ScriptedProxy();
    scene.rig.onClose(() => proxy.close());
    const node = { name: 'node', type: 'http', server: '127.0.0.1', port: await proxy.listen() };
    // The server listens on UDP only: TCP through the node is answered by a small server here.
    const tcp = await scene.rig.serve((socket) =>
      socket.on('data', (data: Buffer) => {
        const answer = Buffer.from(main.dns.answer(data.subarray(2)));
        socket.write(Buffer.concat([Buffer.of(answer.length >> 8, answer.length & 255), answer]));
      }),
    );
    await start(
      { nameserver: [`tcp://127.0.0.1:${tcp}#node`], 'default-nameserver': [main.at] },
      { proxies: [node], rules: ['MATCH,REJECT'] },
    );
    assert.deepEqual(await ask('a.test'), ['192.0.2.1']);
    assert.deepEqual(proxy.asked, [`127.0.0.1:${tcp}`]);
    await scene.stop();
    await start(
      {
        nameserver: [`tcp://127.0.0.1:${tcp}`],
        'default-nameserver': [main.at],
        'proxy-server-nameserver': [main.at],
        'respect-rules': true,
      },
      { proxies: [node], rules: [`DST-PORT,${tcp},node`, `DST-PORT,${port},DIRECT`, 'MATCH,REJECT'] },
    );
    assert.deepEqual(await ask('b.test'), ['192.0.2.2']);
    assert.deepEqual(proxy.asked, [`127.0.0.1:${tcp}`, `127.0.0.1:${tcp}`]);
  });

  it('resolves nodes and direct destinations with servers of their own', async () => {
    const main = await server({ 'd.test': '192.0.2.99', 'rule.test': '127.0.0.1' });
    const nodes = await server({ 'node.test': '127.0.0.1' });
    const direct = await server({ 'd.test': '127.0.0.1' });
    const proxy = new ScriptedProxy();
    scene.rig.onClose(() => proxy.close());
    const echo = await scene.rig.echo();
    const node = { name: 'node', type: 'http', server: 'node.test', port: await proxy.listen() };
    await start(
      {
        nameserver: [main.at],
        'default-nameserver': [main.at],
        'proxy-server-nameserver': [nodes.at],
        'direct-nameserver': [direct.at],
      },
      { proxies: [node], rules: ['DOMAIN,n.test,node', 'DOMAIN,d.test,DIRECT', 'IP-CIDR,127.0.0.1/32,node'] },
    );
    assert.equal(await scene.talk('n.test', echo), 'ping');
    assert.deepEqual(proxy.asked, [`n.test:${echo}`]);
    assert.ok(nodes.dns.asked.includes('node.test A'));
    assert.equal(await scene.talk('d.test', echo), 'ping');
    assert.ok(direct.dns.asked.includes('d.test A'));
    assert.ok(!main.dns.asked.includes('d.test A'));
    assert.equal(await scene.talk('rule.test', echo), 'ping');
    assert.ok(main.dns.asked.includes('rule.test A'));
    assert.deepEqual(proxy.asked.at(-1), `rule.test:${echo}`);
  });

  it('answers DNS over HTTPS on the controller, and questions of the API', async () => {
    const main = await server({ 'a.test': '192.0.2.1', '6.test': '2001:db8::1' });
    await start(
      { nameserver: [main.at], 'default-nameserver': [main.at] },
      { 'external-doh-server': '/dns-query', hosts: { 'h.test': '192.0.2.50' } },
    );
    const url = `http://127.0.0.1:${scene.gateway.ports.control}/dns-query`;
    const question = (name: string) => encodeQuery(name, DNS_TYPE.A, { id: 0, recursionDesired: true });
    const addresses = (body: Buffer) => answerAddresses(scanMessage(body)).map(({ ip }) => ip);
    const curl = (...args: string[]) => runProgram('curl', ['-sSf', '--max-time', '10', ...args]);
    const got = await curl(`${url}?dns=${Buffer.from(question('a.test')).toString('base64url')}`);
    assert.deepEqual(addresses(got.stdout), ['192.0.2.1']);
    const file = join(scene.folder, 'question');
    writeFileSync(file, question('h.test'));
    const posted = await curl(
      '-H',
      'content-type: application/dns-message',
      '--data-binary',
      `@${file}`,
      url,
    );
    assert.deepEqual(addresses(posted.stdout), ['192.0.2.50']);
    const { Status, Answer } = await scene.get('/dns/query?name=a.test&type=A');
    assert.equal(Status, 0);
    assert.deepEqual(Answer, [{ name: 'a.test.', type: 1, TTL: Answer[0].TTL, data: '192.0.2.1' }]);
    assert.deepEqual((await scene.get('/dns/query?name=6.test&type=AAAA')).Answer[0].data, '2001:db8::1');
    assert.equal((await scene.get('/dns/query?name=none.test')).Status, 3);
    const before = main.dns.asked.length;
    await scene.get('/dns/query?name=a.test');
    assert.equal(main.dns.asked.length, before);
    assert.equal((await scene.api('POST', '/cache/dns/flush')).status, 204);
    await scene.get('/dns/query?name=a.test');
    assert.equal(main.dns.asked.length, before + 1);
  });

  it('remembers the names of real addresses in redir-host mode', async () => {
    const main = await server({ 'a.test': '127.0.0.1' });
    const echo = await scene.rig.echo();
    await start(
      { nameserver: [main.at], 'default-nameserver': [main.at], 'enhanced-mode': 'redir-host' },
      { rules: ['DOMAIN,a.test,DIRECT', 'MATCH,REJECT'] },
    );
    assert.equal(await scene.talk('127.0.0.1', echo), 'refused');
    assert.deepEqual(await ask('a.test'), ['127.0.0.1']);
    assert.equal(await scene.talk('127.0.0.1', echo), 'ping');
    main.dns.close();
    assert.equal((await scene.api('POST', '/cache/dns/flush')).status, 204);
    const udpEcho = await scene.rig.udpEcho();
    const client = await scene.socksUdp();
    const answer = await client.ask({ host: '127.0.0.1', port: udpEcho }, 'x');
    assert.equal(answer.from, `127.0.0.1:${udpEcho}`, 'the address is known, so nobody is asked');
    await scene.stop();
    const again = await server({ 'a.test': '127.0.0.1' });
    await start(
      { nameserver: [again.at], 'default-nameserver': [again.at], 'enhanced-mode': 'normal' },
      { rules: ['DOMAIN,a.test,DIRECT', 'MATCH,REJECT'] },
    );
    assert.deepEqual(await ask('a.test'), ['127.0.0.1']);
    assert.equal(await scene.talk('127.0.0.1', echo), 'refused');
  });

  it('gives no IPv6 addresses where either switch is off, but resolves by the top one', async () => {
    const main = await server({ 'a.test': '2001:db8::5' });
    const dns = { nameserver: [main.at], 'default-nameserver': [main.at] };
    await start({ ...dns, ipv6: true });
    assert.deepEqual(await ask('a.test', 'AAAA'), ['2001:db8::5']);
    await scene.stop();
    await start(dns);
    assert.deepEqual(await ask('a.test', 'AAAA'), []);
    await scene.stop();
    await start({ ...dns, ipv6: true }, { ipv6: false });
    assert.deepEqual(await ask('a.test', 'AAAA'), []);
  });

  it('answers from hosts with patterns and aliases, unless told not to', async () => {
    const main = await server({ 'x.lan.test': '192.0.2.200' });
    const dns = { nameserver: [main.at], 'default-nameserver': [main.at] };
    const hosts = {
      '*.lan.test': ['10.0.0.1', '10.0.0.2'],
      '+.deep.test': '10.0.0.3',
      'alias.test': 'x.lan.test',
    };
    await start(dns, { hosts });
    assert.deepEqual((await ask('x.lan.test')).sort(), ['10.0.0.1', '10.0.0.2']);
    assert.deepEqual(await ask('a.b.deep.test'), ['10.0.0.3']);
    assert.equal((await ask('alias.test'))[0], 'x.lan.test.');
    assert.match(lastLog().via, /hosts/);
    assert.deepEqual(await ask('localhost'), ['127.0.0.1']);
    await scene.stop();
    await start({ ...dns, 'use-hosts': false }, { hosts });
    assert.deepEqual(await ask('x.lan.test'), ['192.0.2.200']);
  });
});
