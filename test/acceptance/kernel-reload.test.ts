import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort, readExactly } from '@sluice/route/testing/route-rig';
import { gatewayYaml, pickPorts } from '../support/gateway.ts';
import { KernelScene, type RouteKeys, routeYaml, type ScriptedWeb } from '../support/kernel-scene.ts';
import { until } from '../support/until.ts';

const BIN = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));

describe('reloading the kernel', () => {
  let scene: KernelScene;
  let web: ScriptedWeb;
  let echo: number;
  let keys: RouteKeys & { readonly listeners: readonly object[] };
  let inPort: number;
  let outPort: number;
  let tunnelPort: number;
  let dnsPort: number;

  beforeEach(async () => {
    scene = new KernelScene();
    web = await scene.web();
    echo = await scene.rig.echo();
    web.answers.set('/nodes', 'proxies: [{name: one, type: direct}]');
    web.answers.set('/more', 'proxies: [{name: two, type: direct}]');
    web.answers.set('/names', 'payload: ["+.listed.test"]');
    [inPort, outPort, tunnelPort, dnsPort] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    keys = {
      hosts: { 'a.listed.test': '127.0.0.1', 'b.test': '127.0.0.1' },
      'proxy-providers': { sub: { type: 'http', url: `${web.base}/nodes`, path: './sub.yaml' } },
      'rule-providers': {
        names: { type: 'http', behavior: 'domain', url: `${web.base}/names`, path: './names.yaml' },
      },
      'proxy-groups': [{ name: 'G', type: 'select', proxies: ['DIRECT', 'REJECT'], use: ['sub'] }],
      listeners: [{ name: 'in', type: 'mixed', listen: '127.0.0.1', port: inPort, users: [] }],
      tunnels: [`tcp,127.0.0.1:${tunnelPort},127.0.0.1:${echo},DIRECT`],
      dns: {
        enable: true,
        listen: `127.0.0.1:${dnsPort}`,
        nameserver: ['rcode://success'],
        'default-nameserver': ['127.0.0.1'],
      },
      rules: ['RULE-SET,names,G', 'MATCH,DIRECT'],
    };
  });
  afterEach(() => scene.close());

  const put = (payload: RouteKeys, force = true) =>
    scene.api('PUT', `/configs?force=${force}`, {
      payload: JSON.stringify({ 'mixed-port': scene.gateway.ports.mixed, ...payload }),
    });

  async function assertEchoes(socket: Socket): Promise<void> {
    socket.write('still');
    assert.equal((await readExactly(socket, 5)).toString(), 'still');
  }

  async function isOpen(port: number): Promise<boolean> {
    const socket = net.connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    );
    socket.destroy();
    return open;
  }

  /** Everything a reload must leave alone. */
  async function portrait() {
    const [proxies, rules, providers, ruleProviders, configs] = await Promise.all(
      ['/proxies', '/rules', '/providers/proxies', '/providers/rules', '/configs'].map((path) =>
        scene.get(path),
      ),
    );
    const listeners = scene.gateway.app.route.control.listeners();
    return {
      ids: Object.values<{ id: string }>(proxies.proxies).map(({ id }) => id),
      rules: rules.rules.map(({ payload, proxy }: Record<string, string>) => [payload, proxy]),
      providers,
      ruleProviders,
      configs,
      listeners,
    };
  }

  it('keeps connections, unchanged listeners, tunnels and providers, and closes what is gone', async () => {
    await scene.start(keys);
    await scene.api('PUT', '/proxies/G', { name: 'one' });
    const through = [
      await scene.socks('a.listed.test', echo),
      await scene.socks('a.listed.test', echo, inPort),
      await scene.rig.connect(tunnelPort),
    ];
    for (const socket of through) await assertEchoes(socket);
    const udp = await scene.socksUdp();
    const udpEcho = await scene.rig.udpEcho();
    await udp.ask({ host: '127.0.0.1', port: udpEcho }, 'x');
    const requests = web.requests.length;
    const updatedAt = (await scene.get('/providers/proxies/sub')).updatedAt;

    const next = {
      ...keys,
      listeners: [
        ...keys.listeners,
        { name: 'out', type: 'http', listen: '127.0.0.1', port: outPort, users: [] },
      ],
      'proxy-providers': {
        ...(keys['proxy-providers'] as object),
        more: { type: 'http', url: `${web.base}/more`, path: './more.yaml' },
      },
      'proxy-groups': [{ name: 'G', type: 'select', proxies: ['DIRECT', 'REJECT'], use: ['sub', 'more'] }],
      rules: ['DOMAIN,b.test,REJECT', 'RULE-SET,names,G', 'MATCH,DIRECT'],
    };
    assert.deepEqual(await put(next), { status: 204, text: '' });
    for (const socket of through) await assertEchoes(socket);
    assert.equal((await udp.ask({ host: '127.0.0.1', port: udpEcho }, 'y')).text, 'y');
    const sources = new Set(
      (await scene.get('/connections')).connections.map(
        ({ metadata }: { metadata: { sourcePort: string } }) => metadata.sourcePort,
      ),
    );
    assert.ok(sources.has(String(udp.port)), 'the same session');
    assert.equal((await scene.get('/proxies/G')).now, 'one');
    assert.deepEqual((await scene.get('/proxies/G')).all, ['DIRECT', 'REJECT', 'one', 'two']);
    assert.deepEqual(
      web.requests.slice(requests).map(({ path }) => path),
      ['/more'],
    );
    assert.equal((await scene.get('/providers/proxies/sub')).updatedAt, updatedAt);
    assert.ok(await isOpen(outPort));
    assert.equal(await scene.talk('b.test', echo), 'refused');

    const bare = { ...next, listeners: [], tunnels: [], dns: {} };
    assert.equal((await put(bare)).status, 204);
    for (const port of [inPort, outPort, tunnelPort, dnsPort])
      assert.equal(await isOpen(port), false, String(port));
    for (const socket of through) await assertEchoes(socket);
  });

  it('moves listeners and the DNS server to other ports', async () => {
    await scene.start(keys);
    const [movedIn, movedDns, movedTunnel] = [await freePort(), await freePort(), await freePort()];
    const next = {
      ...keys,
      listeners: [
        {
          name: 'in',
          type: 'mixed',
          listen: '127.0.0.1',
          port: movedIn,
          users: [{ username: 'u', password: 'p' }],
        },
      ],
      tunnels: [`tcp,127.0.0.1:${movedTunnel},127.0.0.1:${echo},DIRECT`],
      dns: { ...(keys['dns'] as object), listen: `127.0.0.1:${movedDns}` },
    };
    assert.equal((await put(next)).status, 204);
    for (const port of [inPort, tunnelPort, dnsPort]) assert.equal(await isOpen(port), false, String(port));
    for (const port of [movedIn, movedTunnel, movedDns]) assert.equal(await isOpen(port), true, String(port));
  });

  it('changes nothing when it is refused, whatever is wrong', async () => {
    await scene.start(keys);
    await scene.api('PATCH', '/configs', { mode: 'global' });
    const socket = await scene.socks('a.listed.test', echo);
    await assertEchoes(socket);
    const before = await portrait();
    const bad: readonly [RouteKeys, RegExp][] = [
      [{ rules: ['MATCH,nobody'] }, /^rules\[0\] \[MATCH,nobody\] error: proxy \[nobody\] not found/],
      [
        { rules: ['GEOSITE,cn,DIRECT'], 'geox-url': { geosite: `${web.base}/none` } },
        /can't download GeoSite\.dat: /,
      ],
      [{ rules: ['RULE-SET,none,DIRECT'] }, /rule set \[none\] not found/],
      [{ 'proxy-providers': { p: { type: 'ftp' } } }, /unsupport vehicle type: ftp/],
      [
        { 'proxy-providers': { p: { type: 'http', url: 'http://x/', path: '/etc/p' } } },
        /^parse proxy provider p error: path is not subpath/,
      ],
      [{ 'rule-providers': { r: { type: 'inline', behavior: 'x' } } }, /unsupported behavior type: x/],
      [
        {
          'proxy-groups': [
            { name: 'a', type: 'select', proxies: ['b'] },
            { name: 'b', type: 'select', proxies: ['a'] },
          ],
        },
        /loop is detected in ProxyGroup/,
      ],
      [{ dns: { enable: true, nameserver: [] } }, /NameServer cannot be empty/],
      [{ dns: { enable: true, nameserver: ['ftp://1.1.1.1'] } }, /DNS NameServer\[0\] unsupport scheme: ftp/],
      [
        { dns: { enable: true, nameserver: ['1.1.1.1'], 'default-nameserver': ['dns.test'] } },
        /default nameserver should be pure IP/,
      ],
      [
        {
          dns: { enable: true, nameserver: ['1.1.1.1'], 'nameserver-policy': { 'rule-set:none': '1.1.1.1' } },
        },
        /not found rule-set: none/,
      ],
      [{ sniffer: { enable: true, sniff: { SSH: {} } } }, /not find the sniffer\[SSH\]/],
      [{ tunnels: ['tcp,127.0.0.1:1,1.1.1.1:53,nobody'] }, /tunnel proxy nobody not found/],
      [{ hosts: { 'a.test': 'nodots' } }, /is not a valid value/],
      [{ tls: { 'custom-certifactes': ['./missing.pem'] } }, /missing\.pem/],
      [
        { 'sub-rules': { a: ['SUB-RULE,(NETWORK,tcp),b'], b: ['SUB-RULE,(NETWORK,tcp),a'] } },
        /sub-rule error: circular references/,
      ],
    ];
    for (const [payload, text] of bad) {
      const { status, text: answer } = await put(payload);
      assert.equal(status, 400, `${JSON.stringify(payload)}: ${answer}`);
      assert.match((JSON.parse(answer) as { message: string }).message, text);
      assert.deepEqual(await portrait(), before, JSON.stringify(payload));
    }
    await assertEchoes(socket);
    assert.ok((await isOpen(inPort)) && (await isOpen(dnsPort)));
    assert.equal(before.configs.mode, 'global');
  });

  it('goes on when a port is taken, and says so', async () => {
    await scene.start(keys);
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    scene.rig.onClose(() => taken.close());
    const { port } = taken.address() as net.AddressInfo;
    const listeners = [...keys.listeners, { name: 'late', type: 'http', listen: '127.0.0.1', port }];
    assert.equal((await put({ ...keys, listeners })).status, 204);
    await scene.logged('Listener late listen err: ');
    assert.ok(await isOpen(inPort));
  });

  it('leaves nothing open behind, however often it reloads', async () => {
    await scene.start(keys);
    const open = () =>
      process.getActiveResourcesInfo().filter((name) => /Server|UDP|Pipe|FSEvent/.test(name)).length;
    const counts = [];
    for (let round = 0; round < 10; round += 1) {
      assert.equal((await put({ listeners: [], rules: ['MATCH,DIRECT'] })).status, 204);
      assert.equal((await put(keys)).status, 204);
      assert.equal(await scene.talk('a.listed.test', echo, inPort), 'ping');
      counts.push(open());
    }
    assert.deepEqual(counts, Array(counts.length).fill(counts[0]));
    assert.ok(web.requests.length <= 2 + 2 * counts.length, `${web.requests.length} requests`);
  });

  it('patches what can be patched and leaves the rest', async () => {
    await scene.start(keys);
    const before = await scene.get('/configs');
    const [moved] = [await freePort()];
    const changes = {
      mode: 'Direct',
      'log-level': 'WARNING',
      ipv6: false,
      'tcp-concurrent': true,
      'socks-port': moved,
      sniffing: false,
    };
    assert.equal((await scene.api('PATCH', '/configs', changes)).status, 204);
    const after = await scene.get('/configs');
    assert.deepEqual(
      [
        after.mode,
        after['log-level'],
        after.ipv6,
        after['tcp-concurrent'],
        after['socks-port'],
        after['mixed-port'],
      ],
      ['direct', 'warning', false, true, moved, before['mixed-port']],
    );
    assert.equal(await scene.talk('b.test', echo, moved), 'ping');
    assert.equal((await scene.api('PATCH', '/configs', { 'socks-port': 0, mode: 'rule' })).status, 204);
    assert.equal(await isOpen(moved), false);
    assert.equal((await scene.api('PATCH', '/configs', { mode: 'fast' })).status, 400);
    assert.equal((await scene.get('/configs')).mode, 'rule');
  });
});

describe('a gateway process', () => {
  let scene: KernelScene;
  let child: ChildProcess;
  let output: string;
  beforeEach(() => {
    scene = new KernelScene();
    output = '';
  });
  afterEach(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await scene.close();
  });

  async function run(...args: string[]): Promise<void> {
    const { capture, admin, http, rtmp } = await pickPorts();
    // A bare kernel file says nothing about the other planes, whose usual ports may be taken.
    const env = {
      ...process.env,
      SLUICE_INSPECT__LISTEN: `127.0.0.1:${capture}`,
      SLUICE_INSPECT__ADMIN: `127.0.0.1:${admin}`,
      SLUICE_MEDIA__HTTP__PORT: String(http),
      SLUICE_MEDIA__RTMP__PORT: String(rtmp),
    };
    child = spawn(process.execPath, [BIN, ...args], {
      cwd: scene.folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    await until(
      `the start screen, not ${output}`,
      () => (output.includes('Dashboard') ? true : undefined),
      20_000,
    );
  }

  async function talk(mixed: number, port: number): Promise<string> {
    const socket = await scene.rig.connect(mixed);
    try {
      socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\n\r\n`);
      await readExactly(socket, 39);
      socket.write('ping');
      return (await readExactly(socket, 4)).toString();
    } catch {
      return 'refused';
    } finally {
      socket.destroy();
    }
  }

  it('reloads by itself when a watched file changes, and by SIGHUP, and survives bad files', async () => {
    const ports = await pickPorts();
    const echo = await scene.rig.echo();
    const file = join(scene.folder, 'sluice.yaml');
    const yaml = (keys: RouteKeys) => `watch: true\n${gatewayYaml(ports, { route: routeYaml(keys) })}`;
    writeFileSync(file, yaml({ rules: ['MATCH,DIRECT'] }));
    await run('run', '-c', file);
    assert.equal(await talk(ports.mixed, echo), 'ping');
    const kept = await scene.rig.connect(ports.mixed);
    kept.write(`CONNECT 127.0.0.1:${echo} HTTP/1.1\r\n\r\n`);
    await readExactly(kept, 39);
    writeFileSync(file, yaml({ rules: ['MATCH,REJECT'] }));
    await until('the new rules', async () =>
      (await talk(ports.mixed, echo)) === 'refused' ? true : undefined,
    );
    kept.write('kept');
    assert.equal((await readExactly(kept, 4)).toString(), 'kept');
    writeFileSync(file, yaml({ rules: ['MATCH,nobody'] }));
    await until('the refusal', () => (output.includes('reload failed, nothing changed') ? true : undefined));
    assert.match(output, /rules\[0\] \[MATCH,nobody\] error: proxy \[nobody\] not found/);
    writeFileSync(file, yaml({ rules: ['DST-PORT,1,REJECT', 'MATCH,DIRECT'] }));
    await until('the good rules', async () =>
      (await talk(ports.mixed, echo)) === 'ping' ? true : undefined,
    );
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 0);
  });

  it('runs a file of the rule kernel in a home directory, remembers what was chosen, and reloads it by SIGHUP', async () => {
    const [mixed, control] = [await freePort(), await freePort()];
    const echo = await scene.rig.echo();
    const file = join(scene.folder, 'config.yaml');
    const write = (rules: readonly string[]) =>
      writeFileSync(
        file,
        `mixed-port: ${mixed}
external-controller: 127.0.0.1:${control}
proxy-groups: [{ name: G, type: select, proxies: [REJECT, DIRECT] }]
rules: ${JSON.stringify(rules)}
`,
      );
    write(['MATCH,G']);
    await run('run', '-f', 'config.yaml', '-d', scene.folder);
    assert.equal(await talk(mixed, echo), 'refused');
    const body = JSON.stringify({ name: 'DIRECT' });
    const chosen = await fetch(`http://127.0.0.1:${control}/proxies/G`, { method: 'PUT', body });
    assert.equal(chosen.status, 204);
    assert.equal(await talk(mixed, echo), 'ping');
    write(['MATCH,REJECT']);
    child.kill('SIGHUP');
    await until('the new rules', async () => ((await talk(mixed, echo)) === 'refused' ? true : undefined));
    write(['MATCH,G']);
    child.kill('SIGHUP');
    await until('the old rules', async () => ((await talk(mixed, echo)) === 'ping' ? true : undefined));
    child.kill('SIGTERM');
    await once(child, 'exit');
    output = '';
    await run('run', '-f', 'config.yaml', '-d', scene.folder);
    assert.equal(await talk(mixed, echo), 'ping');
  });
});
