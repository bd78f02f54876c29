import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type GatewayOptions, gatewayYaml, startGateway, type TestGateway } from '../support/gateway.ts';
import { freePorts } from '../support/ports.ts';

type Api = { readonly status: number; readonly text: string };

describe('reloading', () => {
  const open: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  let gateway: TestGateway;
  let echo: number;
  beforeEach(async () => {
    gateway = await startGateway({ route: ROUTE });
    open.push(() => gateway.stop());
    const server = net.createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.pipe(socket);
      open.push(() => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(() => server.close());
    echo = (server.address() as net.AddressInfo).port;
  });

  const ROUTE = `  proxy-groups:
    - { name: G, type: select, proxies: [REJECT, DIRECT] }
  rules: ["MATCH,G"]`;

  async function api(method: string, path: string, body?: object): Promise<Api> {
    const response = await fetch(`http://127.0.0.1:${gateway.ports.control}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  const configs = async () => JSON.parse((await api('GET', '/configs')).text) as Record<string, unknown>;

  async function tunnel(port: number): Promise<Socket> {
    const socket = net.connect(port, '127.0.0.1');
    open.push(() => socket.destroy());
    socket.write(`CONNECT 127.0.0.1:${echo} HTTP/1.1\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1.1 200 /);
    return socket;
  }

  async function assertEchoes(socket: Socket): Promise<void> {
    socket.write('still');
    const [back] = (await once(socket, 'data')) as [Buffer];
    assert.equal(back.toString(), 'still');
  }

  const rewrite = (options: GatewayOptions, mixed = gateway.ports.mixed) =>
    writeFileSync(join(gateway.folder, 'sluice.yaml'), gatewayYaml({ ...gateway.ports, mixed }, options));

  it('moves a port, swaps rules, and keeps connections and selections', async () => {
    assert.equal((await api('PUT', '/proxies/G', { name: 'DIRECT' })).status, 204);
    const before = await tunnel(gateway.ports.mixed);
    await assertEchoes(before);
    const [moved = 0] = await freePorts(1);
    rewrite({ route: `${ROUTE.replace('MATCH,G', 'DST-PORT,1,REJECT", "MATCH,G')}` }, moved);
    await gateway.app.reload();
    await assertEchoes(before);
    await assertEchoes(await tunnel(moved));
    assert.equal((await configs())['mixed-port'], moved);
    await assert.rejects(once(net.connect(gateway.ports.mixed, '127.0.0.1'), 'connect'));
    const { rules } = JSON.parse((await api('GET', '/rules')).text) as { rules: unknown[] };
    assert.equal(rules.length, 2);
  });

  it('leaves the ports alone unless it is forced', async () => {
    const [other = 0] = await freePorts(1);
    const payload = `mixed-port: ${other}\nmode: direct\nallow-lan: true\nbind-address: 127.0.0.1\nlog-level: warning\n`;
    for (const force of ['', '?force=1', '?reload=true', '?force=TRUE']) {
      assert.deepEqual(await api('PUT', `/configs${force}`, { payload }), { status: 204, text: '' });
      const shown = await configs();
      assert.deepEqual(
        [shown['mixed-port'], shown['mode'], shown['allow-lan'], shown['bind-address'], shown['log-level']],
        [gateway.ports.mixed, 'direct', false, '*', 'warning'],
      );
    }
    assert.equal((await api('PUT', '/configs?force=true', { payload })).status, 204);
    const shown = await configs();
    assert.deepEqual(
      [shown['mixed-port'], shown['allow-lan'], shown['bind-address']],
      [other, true, '127.0.0.1'],
    );
    await assertEchoes(await tunnel(other));
  });

  it('overwrites what PATCH changed, and takes the other sections from the file', async () => {
    assert.equal((await api('PATCH', '/configs', { mode: 'global', 'log-level': 'error' })).status, 204);
    const file = join(gateway.folder, 'other.yaml');
    writeFileSync(file, 'rules: ["MATCH,REJECT"]\n');
    assert.equal((await api('PUT', '/configs', { path: file })).status, 204);
    const shown = await configs();
    assert.deepEqual([shown['mode'], shown['log-level']], ['rule', 'info']);
    const capture = net.connect(gateway.ports.capture, '127.0.0.1');
    await once(capture, 'connect');
    capture.destroy();
  });

  it('changes nothing when any plane refuses, not even what PATCH had changed', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    open.push(() => taken.close());
    const port = (taken.address() as net.AddressInfo).port;
    await api('PATCH', '/configs', { mode: 'global' });
    const { text: before } = await api('GET', '/proxies/DIRECT');
    const yaml = gatewayYaml({ ...gateway.ports, capture: port }, { route: '  rules: ["MATCH,REJECT"]' });
    writeFileSync(join(gateway.folder, 'sluice.yaml'), yaml);
    await assert.rejects(gateway.app.reload());
    assert.equal((await configs())['mode'], 'global');
    assert.equal((await api('GET', '/proxies/DIRECT')).text, before);
    const capture = net.connect(gateway.ports.capture, '127.0.0.1');
    await once(capture, 'connect');
    capture.destroy();
  });

  it('refuses in the words of the kernel', async () => {
    const put = async (body: object) => {
      const { status, text } = await api('PUT', '/configs?force=true', body);
      assert.equal(status, 400, text);
      return (JSON.parse(text) as { message: string }).message;
    };
    assert.equal(await put({ path: 'x.yaml' }), 'path is not a absolute path');
    assert.equal(
      await put({ path: '/etc/hosts' }),
      `path is not subpath of home directory or SAFE_PATHS: /etc/hosts \n allowed paths: [${gateway.folder}]`,
    );
    const missing = join(gateway.folder, 'missing.yaml');
    assert.equal(await put({ path: missing }), `stat ${missing}: no such file or directory`);
    const empty = join(gateway.folder, 'empty.yaml');
    writeFileSync(empty, '');
    assert.equal(await put({ path: empty }), `configuration file ${empty} is empty`);
    assert.match(await put({ payload: 'rules: [' }), /^yaml: /);
    assert.match(
      await put({ payload: 'rules: ["DOMAIN,a.com,DIRECT", "MATCH,nobody"]' }),
      /^rules\[1\] \[MATCH,nobody\] error: proxy \[nobody\] not found/,
    );
    assert.match(await put({ payload: 'proxies: [{name: a}]' }), /^proxy 0: /);
    const twice = '{name: a, type: http, server: h, port: 1}';
    assert.match(await put({ payload: `proxies: [${twice}, ${twice}]` }), /^proxy a is the duplicate name/);
    assert.match(
      await put({ payload: 'proxy-groups: [{name: G, type: select, proxies: [x]}]' }),
      /^proxy group\[0\]: /,
    );
    assert.equal((await configs())['mode'], 'rule');
  });
});
