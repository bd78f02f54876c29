import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, readExactly } from '@sluice/route/testing/route-rig';
import { KernelScene, type ScriptedWeb } from '../support/kernel-scene.ts';
import { needs, runProgram } from '../support/programs.ts';
import { ScriptedProxy } from '../support/scripted-proxy.ts';

describe('routing through the mixed port', () => {
  const scene = new KernelScene();
  const node = new ScriptedProxy();
  let web: ScriptedWeb;
  let echo: number;
  let udpEcho: number;
  let wide: number;

  before(async () => {
    web = await scene.web();
    web.answers.set('/', 'hello');
    echo = await scene.rig.echo();
    udpEcho = await scene.rig.udpEcho();
    wide = await freePort();
    scene.rig.onClose(() => node.close());
    await scene.start({
      hosts: { '*.test': '127.0.0.1' },
      proxies: [
        { name: 'node', type: 'http', server: '127.0.0.1', port: await node.listen() },
        {
          name: 'future',
          type: 'vless',
          server: 'x.test',
          port: 1,
          uuid: 'b831381d-6324-4d53-ad4f-8cda48b30811',
        },
      ],
      'proxy-groups': [
        { name: 'G', type: 'select', proxies: ['node', 'DIRECT'] },
        { name: 'no udp', type: 'select', proxies: ['DIRECT'], 'disable-udp': true },
      ],
      listeners: [{ name: 'six', type: 'mixed', listen: '::1', port: wide, users: [] }],
      rules: [
        'DOMAIN,reject.test,REJECT',
        'DOMAIN,drop.test,REJECT-DROP',
        'DOMAIN,pass.test,PASS',
        'DOMAIN,future.test,future',
        'DOMAIN,node.test,node',
        `AND,((PROCESS-NAME,curl),(DST-PORT,${web.port})),REJECT`,
        'AND,((NETWORK,udp),(DST-PORT,9)),REJECT',
        'AND,((NETWORK,udp),(DST-PORT,10)),REJECT-DROP',
        `AND,((NETWORK,udp),(DST-PORT,${udpEcho})),node`,
        `AND,((NETWORK,udp),(DST-PORT,${udpEcho})),no udp`,
        'MATCH,DIRECT',
      ],
    });
  });
  after(() => scene.close());

  it('rejects at once, drops in silence, and passes over PASS', async () => {
    const rejected = await scene.socks('reject.test', echo);
    await assert.rejects(readExactly(rejected, 1), /ended after 0/);
    const dropped = await scene.socks('drop.test', echo);
    dropped.write('x');
    const first = await Promise.race([readExactly(dropped, 1).catch(() => 'ended'), sleep(400, 'silent')]);
    assert.equal(first, 'silent');
    dropped.destroy();
    assert.equal(await scene.talk('pass.test', echo), 'ping');
    assert.equal(await scene.talk('future.test', echo), 'refused');
  });

  it('passes over outbounds without UDP for UDP', async () => {
    const client = await scene.socksUdp();
    const answer = await client.ask({ host: '127.0.0.1', port: udpEcho }, 'x');
    assert.equal(answer.text, 'x');
    const found = await scene.connection(({ metadata }) => metadata['sourcePort'] === String(client.port));
    assert.deepEqual([found.rule, found.chains], ['Match', ['DIRECT']]);
    assert.deepEqual(node.asked, []);
  });

  it('swallows rejected datagrams', async () => {
    for (const port of [9, 10]) {
      const client = await scene.socksUdp();
      client.send({ host: '127.0.0.1', port }, 'x');
      await assert.rejects(client.next(200), /no datagram/);
    }
  });

  it('carries datagrams of every size, and of IPv6', async () => {
    const client = await scene.socksUdp();
    for (const size of [0, 1, 1_472, 9_000, 60_000]) {
      const { data } = await client.ask({ host: '127.0.0.1', port: udpEcho }, Buffer.alloc(size, 7));
      assert.equal(data.length, size);
    }
    const six = dgram.createSocket('udp6');
    six.on('message', (message, from) => six.send(message, from.port, from.address));
    six.bind(0, '::1');
    await once(six, 'listening');
    scene.rig.onClose(() => six.close());
    const { port } = six.address();
    const other = await scene.socksUdp();
    const answer = await other.ask({ host: '::1', port }, 'six');
    assert.deepEqual([answer.from, answer.text], [`::1:${port}`, 'six']);
  });

  it('reaches IPv6 destinations and serves IPv6 clients', async () => {
    const server = net.createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
    server.listen(0, '::1');
    await once(server, 'listening');
    scene.rig.onClose(() => server.close());
    const { port } = server.address() as AddressInfo;
    const client = net.connect(wide, '::1');
    scene.rig.onClose(() => client.destroy());
    await once(client, 'connect');
    client.write(`CONNECT [::1]:${port} HTTP/1.1\r\n\r\n`);
    await readExactly(client, 39);
    client.write('six');
    assert.equal((await readExactly(client, 3)).toString(), 'six');
    const found = await scene.connection(
      ({ metadata }) => metadata['sourcePort'] === String(client.localPort),
    );
    assert.deepEqual(
      [
        found.metadata.destinationIP,
        found.metadata.sourceIP,
        found.metadata.host,
        found.metadata.inboundName,
      ],
      ['::1', '::1', '', 'six'],
    );
    client.destroy();
  });

  it('follows the mode', async () => {
    await scene.api('PUT', '/proxies/GLOBAL', { name: 'REJECT' });
    await scene.api('PATCH', '/configs', { mode: 'global' });
    assert.equal(await scene.talk('pass.test', echo), 'refused');
    await scene.api('PUT', '/proxies/GLOBAL', { name: 'G' });
    assert.equal(await scene.talk('pass.test', echo), 'ping');
    assert.deepEqual(node.asked.splice(0).length, 1);
    await scene.api('PATCH', '/configs', { mode: 'direct' });
    assert.equal(await scene.talk('reject.test', echo), 'ping');
    await scene.api('PATCH', '/configs', { mode: 'rule' });
    assert.equal(await scene.talk('reject.test', echo), 'refused');
  });

  it('keeps half-open connections open in the other direction', async () => {
    const port = await scene.rig.serve((socket) => {
      let size = 0;
      socket.on('data', (data: Buffer) => {
        size += data.length;
      });
      socket.on('end', () => socket.end(`got ${size}`));
    });
    for (const host of ['pass.test', 'node.test']) {
      const socket = await scene.socks(host, port);
      socket.end(Buffer.alloc(300_000));
      const answer = await readExactly(socket, 10);
      assert.equal(answer.toString(), 'got 300000', host);
    }
  });

  it('counts hits of rules and can leave one out', async () => {
    const hits = async () =>
      (await scene.get('/rules')).rules.find((rule: { payload: string }) => rule.payload === 'reject.test')
        .extra;
    const before = (await hits()).hitCount;
    assert.equal(await scene.talk('reject.test', echo), 'refused');
    assert.equal((await hits()).hitCount, before + 1);
    await scene.api('PATCH', '/rules/disable', { 0: true });
    assert.equal(await scene.talk('reject.test', echo), 'ping');
    await scene.api('PATCH', '/rules/disable', { 0: false });
    assert.equal(await scene.talk('reject.test', echo), 'refused');
  });

  it('knows the program behind a connection', needs('curl'), async () => {
    const { code } = await runProgram('curl', [
      '-sS',
      '--max-time',
      '10',
      '-p',
      '-x',
      `http://127.0.0.1:${scene.gateway.ports.mixed}`,
      `http://web.test:${web.port}/`,
    ]);
    assert.notEqual(code, 0);
    assert.equal(web.requests.length, 0);
    await scene.logged('(curl) --> web.test');
  });
});

describe('who may connect', () => {
  it('asks for a password except where it need not, and turns away sources by address', async () => {
    const scene = new KernelScene();
    try {
      const echo = await scene.rig.echo();
      const start = (more: object) => scene.start({ authentication: ['u:p'], ...more });
      const head = async () => {
        const socket = await scene.rig.connect(scene.gateway.ports.mixed);
        socket.write(`CONNECT 127.0.0.1:${echo} HTTP/1.1\r\n\r\n`);
        return readExactly(socket, 12).then(String, () => 'closed');
      };
      await start({});
      assert.equal(await head(), 'HTTP/1.1 407');
      await scene.stop();
      await start({ 'skip-auth-prefixes': ['127.0.0.1/8'] });
      assert.equal(await head(), 'HTTP/1.1 200');
      await scene.api('PATCH', '/configs', { 'skip-auth-prefixes': ['10.0.0.0/8'] });
      assert.equal(await head(), 'HTTP/1.1 407');
      await scene.api('PATCH', '/configs', { 'lan-disallowed-ips': ['127.0.0.0/8'] });
      assert.equal(await head(), 'closed');
      await scene.api('PATCH', '/configs', {
        'lan-disallowed-ips': [],
        'lan-allowed-ips': ['192.168.0.0/16'],
      });
      assert.equal(await head(), 'closed');
    } finally {
      await scene.close();
    }
  });
});
