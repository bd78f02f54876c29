import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { address } from '@sluice/route/dns/testing/fake-exchanger';
import { LoopbackDns } from '@sluice/route/dns/testing/loopback-dns';
import { freePort, readExactly } from '@sluice/route/testing/route-rig';
import { KernelScene } from '../support/kernel-scene.ts';
import { needs } from '../support/programs.ts';

describe('outbounds through real servers', needs('ss-server', 'danted', 'dig'), () => {
  const scene = new KernelScene();
  const dns = new LoopbackDns({ 'far.test A': [address('far.test', '192.0.2.3')] });
  let dnsPort: number;
  let echo: number;
  let udpEcho: number;
  let anyEcho: number;

  before(async () => {
    const [ssPort, socksPort] = [await freePort(), await freePort()];
    dnsPort = Number((await dns.listen()).split(':')[1]);
    scene.rig.onClose(() => dns.close());
    echo = await scene.rig.echo();
    udpEcho = await scene.rig.udpEcho();
    anyEcho = await scene.rig.udpEcho();
    const ss = ['-s', '127.0.0.1', '-p', String(ssPort), '-k', 'pw', '-m', 'aes-256-gcm', '-u', '-t', '60'];
    await scene.program(ssPort, 'ss-server', ...ss);
    const everyone = 'from: 0.0.0.0/0 to: 0.0.0.0/0';
    writeFileSync(
      join(scene.folder, 'danted.conf'),
      `logoutput: ${join(scene.folder, 'danted.log')}
internal: 127.0.0.1 port = ${socksPort}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass { ${everyone} }
socks pass { ${everyone} }
`,
    );
    await scene.program(socksPort, 'danted', '-f', join(scene.folder, 'danted.conf'), '-N', '1');
    const server = '127.0.0.1';
    const ssNode = { type: 'ss', server, port: ssPort, cipher: 'aes-256-gcm', password: 'pw', udp: true };
    const socksNode = { type: 'socks5', server, port: socksPort, udp: true };
    const tcpOnly = { ...socksNode, udp: false };
    const group = (name: string, type: string, ...proxies: string[]) => ({ name, type, proxies });
    await scene.start({
      hosts: {
        'chained.test': '127.0.0.1',
        'relayed.test': '127.0.0.1',
        'dante.test': '127.0.0.1',
        'ss.test': '127.0.0.1',
        'twice.test': '127.0.0.1',
      },
      proxies: [
        { name: 'ss', ...ssNode },
        { name: 'dante', ...socksNode },
        { name: 'dante over ss', ...socksNode, 'dialer-proxy': 'pick' },
        { name: 'ss over dante', ...ssNode, 'dialer-proxy': 'dante' },
        { name: 'lost', ...tcpOnly, 'dialer-proxy': 'nobody' },
        { name: 'stream', ...tcpOnly },
        { name: 'ss over stream', ...ssNode, 'dialer-proxy': 'stream' },
      ],
      'proxy-groups': [
        group('pick', 'select', 'ss', 'DIRECT'),
        group('outer', 'select', 'pick'),
        group('any', 'select', 'dante over ss', 'ss over dante', 'relay', 'ss over stream'),
        group('relay', 'relay', 'dante', 'outer', 'DIRECT'),
      ],
      rules: [
        'DOMAIN,chained.test,dante over ss',
        'DOMAIN,twice.test,ss over dante',
        'DOMAIN,relayed.test,relay',
        'DOMAIN,dante.test,dante',
        'DOMAIN,ss.test,outer',
        'DOMAIN,lost.test,lost',
        `DST-PORT,${udpEcho},outer`,
        `DST-PORT,${dnsPort},dante`,
        `DST-PORT,${anyEcho},any`,
        'MATCH,DIRECT',
      ],
    });
  });
  after(() => scene.close());

  for (const [host, chains] of [
    ['ss.test', ['ss', 'pick', 'outer']],
    ['dante.test', ['dante']],
    ['chained.test', ['dante over ss']],
    ['twice.test', ['ss over dante']],
    ['relayed.test', ['relay']],
  ] as const) {
    it(`carries TCP to ${host} by ${chains.join(' in ')}, unchanged both ways`, async () => {
      const socket = await scene.socks(host, echo);
      const sent = randomBytes(600_000);
      socket.write(sent);
      const received = await readExactly(socket, sent.length);
      const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
      assert.equal(digest(received), digest(sent));
      const { connections } = await scene.get('/connections');
      const mine = connections.find((each: { metadata: { host: string } }) => each.metadata.host === host);
      assert.deepEqual(mine.chains.slice(-chains.length), chains);
      assert.equal(mine.upload, sent.length);
      assert.equal(mine.download, sent.length);
      socket.destroy();
    });
  }

  it('fails a connection whose carrier does not exist', async () => {
    assert.equal(await scene.talk('lost.test', echo), 'refused');
    await scene.logged('proxyName[nobody] not found');
  });

  it('carries datagrams through Shadowsocks, one answer for each', async () => {
    const client = await scene.socksUdp();
    for (const size of [1, 500, 1_300]) {
      const data = randomBytes(size);
      const answer = await client.ask({ host: '127.0.0.1', port: udpEcho }, data);
      assert.equal(answer.from, `127.0.0.1:${udpEcho}`);
      assert.ok(answer.data.equals(data));
    }
    const { connections } = await scene.get('/connections');
    const mine = connections.filter(
      (each: { metadata: { sourcePort: string } }) => each.metadata.sourcePort === String(client.port),
    );
    assert.equal(mine.length, 1);
    assert.deepEqual(mine[0].chains, ['ss', 'pick', 'outer']);
    assert.equal(mine[0].upload, 1_801);
  });

  for (const [name, chain] of [
    ['dante over ss', 'dante over ss'],
    ['ss over dante', 'ss over dante'],
    ['relay', 'relay'],
  ] as const) {
    it(`carries datagrams through ${name}`, async () => {
      await scene.api('PUT', '/proxies/any', { name });
      const client = await scene.socksUdp();
      for (const size of [1, 1_200]) {
        const data = randomBytes(size);
        const answer = await client.ask({ host: '127.0.0.1', port: anyEcho }, data);
        assert.equal(answer.from, `127.0.0.1:${anyEcho}`);
        assert.ok(answer.data.equals(data));
      }
      const found = await scene.connection(({ metadata }) => metadata['sourcePort'] === String(client.port));
      assert.deepEqual(found.chains.slice(-2), [chain, 'any']);
    });
  }

  it('sends no datagram past a carrier that takes none', async () => {
    await scene.api('PUT', '/proxies/any', { name: 'ss over stream' });
    const client = await scene.socksUdp();
    client.send({ host: '127.0.0.1', port: anyEcho }, 'x');
    await scene.logged('proxy adapter [stream] UDP is not supported');
    await assert.rejects(client.next(200), /no datagram/);
  });

  it('carries a DNS client through a SOCKS5 server', async () => {
    const client = await scene.socksUdp();
    const question = Buffer.from('0007010000010000000000000366617204746573740000010001', 'hex');
    const answer = await client.ask({ host: '127.0.0.1', port: dnsPort }, question);
    assert.equal(answer.from, `127.0.0.1:${dnsPort}`);
    assert.deepEqual([...answer.data.subarray(-4)], [192, 0, 2, 3]);
    const { connections } = await scene.get('/connections');
    const mine = connections.find(
      (each: { metadata: { sourcePort: string } }) => each.metadata.sourcePort === String(client.port),
    );
    assert.deepEqual(mine.chains, ['dante']);
  });

  it('measures delays through chains', async () => {
    const web = await scene.web();
    web.answers.set('/204', { status: 204 });
    const url = encodeURIComponent(`${web.base}/204`);
    for (const name of ['ss', 'dante', 'dante over ss', 'ss over dante', 'relay', 'outer']) {
      const path = `/proxies/${encodeURIComponent(name)}/delay?url=${url}&timeout=5000&expected=204`;
      assert.ok((await scene.get(path)).delay > 0, name);
    }
    assert.ok(web.requests.every(({ method }) => method === 'HEAD'));
    const lost = await scene.api('GET', `/proxies/lost/delay?url=${url}&timeout=2000`);
    assert.equal(lost.status, 503);
  });

  it('ends connections that the API closes', async () => {
    const socket = await scene.socks('ss.test', echo);
    socket.write('x');
    await once(socket, 'data');
    const ended = Promise.race([once(socket, 'end'), once(socket, 'close')]);
    const { connections } = await scene.get('/connections');
    for (const { id, metadata } of connections)
      if (metadata.host === 'ss.test')
        assert.equal((await scene.api('DELETE', `/connections/${id}`)).status, 204);
    await ended;
  });
});
