import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { address } from '@sluice/route/dns/testing/fake-exchanger';
import { LoopbackDns } from '@sluice/route/dns/testing/loopback-dns';
import { freePort } from '@sluice/route/testing/route-rig';
import { TEST_CERTIFICATE, TEST_KEY } from '@sluice/route/testing/test-certificate';
import { KernelScene, type ScriptedWeb } from '../support/kernel-scene.ts';
import { needs, runProgram } from '../support/programs.ts';

describe('listeners and tunnels under curl and dig', needs('curl', 'dig'), () => {
  const scene = new KernelScene();
  const dns = new LoopbackDns({ 'up.test A': [address('up.test', '192.0.2.4')] });
  let web: ScriptedWeb;
  const ports: Record<string, number> = {};
  const names = [
    'http',
    'socks',
    'mixed',
    'secure',
    'forced',
    'ruled',
    'open',
    'dns',
    'tunnel',
    'webtunnel',
    'lost',
  ];

  before(async () => {
    for (const name of names) ports[name] = await freePort();
    web = await scene.web();
    web.answers.set('/', 'hello');
    writeFileSync(join(scene.folder, 'cert.pem'), TEST_CERTIFICATE);
    const server = await dns.listen();
    scene.rig.onClose(() => dns.close());
    const users = [{ username: 'ann', password: 'pw:1' }];
    const listener = (name: string, type: string, more: object = {}) => ({
      name: `in-${name}`,
      type,
      listen: '127.0.0.1',
      port: ports[name],
      ...more,
    });
    await scene.start({
      authentication: ['global:g'],
      hosts: { 'web.test': '127.0.0.1', 'banned.test': '127.0.0.1' },
      dns: {
        enable: true,
        listen: `127.0.0.1:${ports['dns']}`,
        nameserver: [server],
        'default-nameserver': [server],
      },
      'proxy-groups': [{ name: 'pick', type: 'select', proxies: ['DIRECT', 'REJECT'] }],
      listeners: [
        listener('http', 'http', { users }),
        listener('socks', 'socks', { users }),
        listener('mixed', 'mixed', {}),
        listener('secure', 'http', { users, certificate: './cert.pem', 'private-key': TEST_KEY }),
        listener('forced', 'http', { users: [], proxy: 'REJECT' }),
        listener('ruled', 'mixed', { users: [], rule: 'strict' }),
        listener('open', 'mixed', { users: [] }),
        listener('lost', 'mixed', { users: [], proxy: 'nobody' }),
      ],
      tunnels: [
        `tcp/udp,127.0.0.1:${ports['tunnel']},127.0.0.1:${ports['dns']},pick`,
        { network: ['tcp'], address: `127.0.0.1:${ports['webtunnel']}`, target: `web.test:${web.port}` },
      ],
      'sub-rules': { strict: ['DOMAIN,banned.test,REJECT', 'MATCH,DIRECT'] },
      rules: ['IN-USER,ann,pick', 'IN-NAME,in-open,pick', 'MATCH,DIRECT'],
    });
  });
  after(() => scene.close());

  /** The body, or curl's exit code, its HTTP code and the CONNECT code. */
  async function curl(proxy: string, ...args: string[]): Promise<string> {
    const asked = args.some((arg) => arg.startsWith('http://')) ? [] : [`http://web.test:${web.port}/`];
    const options = ['-sS', '--max-time', '10', '-w', ' %{http_code} %{http_connect}', '-x', proxy];
    const { code, stdout } = await runProgram('curl', [...options, ...args, ...asked]);
    return `${code} ${stdout}`;
  }

  it('serves HTTP with users, plain and by CONNECT', async () => {
    const proxy = `http://127.0.0.1:${ports['http']}`;
    assert.equal(await curl(proxy, '-U', 'ann:pw:1'), '0 hello 200 000');
    assert.equal(await curl(proxy, '-p', '-U', 'ann:pw:1'), '0 hello 200 200');
    assert.equal(await curl(proxy), '0  407 000');
    assert.equal(await curl(proxy, '-U', 'ann:no'), '0  403 000');
    assert.equal(await curl(proxy, '-U', 'global:g'), '0  403 000');
    assert.match(await curl(proxy, '-p'), /^56 {2}000 407$/);
  });

  it('serves SOCKS5 with users, names resolved here or there', async () => {
    const at = `127.0.0.1:${ports['socks']}`;
    assert.equal(await curl(`socks5h://ann:pw%3A1@${at}`), '0 hello 200 000');
    assert.match(await curl(`socks5h://ann:no@${at}`), /^97 /);
    assert.match(await curl(`socks5h://${at}`), /^97 /);
    assert.equal(
      await curl(`socks5://ann:pw%3A1@${at}`, '--resolve', `web.test:${web.port}:127.0.0.1`),
      '0 hello 200 000',
    );
  });

  it('serves every protocol on one port, with the global users where it has none of its own', async () => {
    const at = `127.0.0.1:${ports['mixed']}`;
    for (const scheme of ['http', 'socks5h', 'socks5'])
      assert.equal(
        await curl(`${scheme}://global:g@${at}`, '--resolve', `web.test:${web.port}:127.0.0.1`),
        '0 hello 200 000',
        scheme,
      );
    assert.equal(await curl(`http://${at}`), '0  407 000');
    const free = `127.0.0.1:${ports['open']}`;
    for (const scheme of ['http', 'socks4', 'socks4a', 'socks5h'])
      assert.equal(
        await curl(`${scheme}://${free}`, '--resolve', `web.test:${web.port}:127.0.0.1`),
        '0 hello 200 000',
        scheme,
      );
  });

  it('serves HTTP over TLS', async () => {
    const proxy = `https://proxy.test:${ports['secure']}`;
    const trust = [
      '--proxy-cacert',
      join(scene.folder, 'cert.pem'),
      '--resolve',
      `proxy.test:${ports['secure']}:127.0.0.1`,
    ];
    assert.equal(
      await curl(proxy, ...trust, '-U', 'ann:pw:1', `http://web.test:${web.port}/`),
      '0 hello 200 000',
    );
    assert.equal(
      await curl(proxy, ...trust, '-p', '-U', 'ann:pw:1', `http://web.test:${web.port}/`),
      '0 hello 200 200',
    );
    assert.match(
      await curl(
        proxy,
        '--resolve',
        `proxy.test:${ports['secure']}:127.0.0.1`,
        `http://web.test:${web.port}/`,
      ),
      /^60 /,
    );
  });

  it('takes the outbound or the rules of the listener instead of the common ones', async () => {
    assert.match(await curl(`http://127.0.0.1:${ports['forced']}`), /^0 .* 502 000$|^52 /);
    const ruled = `http://127.0.0.1:${ports['ruled']}`;
    assert.equal(await curl(ruled), '0 hello 200 000');
    assert.notEqual(await curl(ruled, `http://banned.test:${web.port}/`), '0 hello 200 000');
    assert.equal(
      await curl(`http://127.0.0.1:${ports['open']}`, `http://banned.test:${web.port}/`),
      '0 hello 200 000',
    );
    assert.equal(await scene.talk('web.test', web.port, ports['lost']), 'refused');
    await scene.logged('proxy nobody not found');
  });

  it('routes by listener and user', async () => {
    const explain = async (more: object) => {
      const { chains, rule } = await scene.gateway.app.route.control.explain({
        host: 'web.test',
        port: web.port,
        network: 'tcp',
        sourceIp: '127.0.0.1',
        ...more,
      });
      return `${rule} ${chains.join(' ')}`;
    };
    assert.equal(await explain({ inboundUser: 'ann' }), 'InUser DIRECT pick');
    assert.equal(await explain({ inboundName: 'in-open' }), 'InName DIRECT pick');
    assert.equal(await explain({}), 'Match DIRECT');
    await scene.api('PUT', '/proxies/pick', { name: 'REJECT' });
    assert.notEqual(await curl(`http://127.0.0.1:${ports['http']}`, '-U', 'ann:pw:1'), '0 hello 200 000');
    assert.notEqual(await curl(`http://127.0.0.1:${ports['open']}`), '0 hello 200 000');
    await scene.api('PUT', '/proxies/pick', { name: 'DIRECT' });
    assert.equal(await curl(`http://127.0.0.1:${ports['open']}`), '0 hello 200 000');
  });

  it('tunnels TCP and UDP to a fixed target', async () => {
    const tunnel = ports['tunnel'] ?? 0;
    assert.deepEqual(await scene.dig(tunnel, 'up.test'), ['up.test. 300 IN A 192.0.2.4']);
    assert.deepEqual(await scene.dig(tunnel, '+tcp', 'up.test'), ['up.test. 300 IN A 192.0.2.4']);
    const { stdout } = await runProgram('curl', [
      '-sS',
      '--max-time',
      '10',
      `http://127.0.0.1:${ports['webtunnel']}/`,
    ]);
    assert.equal(stdout.toString(), 'hello');
  });

  it('lists what listens', () => {
    const names = scene.gateway.app.route.control.listeners().map(({ name }) => name);
    for (const name of ['in-http', 'in-socks', 'in-mixed', 'in-secure', 'DEFAULT-MIXED', 'DNS'])
      assert.ok(names.includes(name), `${name} of ${names}`);
  });
});
