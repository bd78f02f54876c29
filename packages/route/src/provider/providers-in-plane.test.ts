import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import type { RoutePlane } from '../plane.ts';
import { RouteRig, readExactly, until } from '../testing/route-rig.ts';
import { zipOf } from '../testing/zip.ts';

describe('providers of a running plane', () => {
  let rig: RouteRig;
  let answers: Map<string, string | Buffer>;
  let base: string;

  beforeEach(async () => {
    rig = new RouteRig();
    answers = new Map<string, string | Buffer>([
      ['/nodes', 'proxies: [{name: straight, type: direct}, {name: closed, type: reject}]'],
      ['/names', 'payload: ["+.listed.test"]'],
    ]);
    const server = http.createServer(({ url = '' }, response) => {
      const body = answers.get(url);
      response.writeHead(body === undefined ? 404 : 200).end(body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    rig.onClose(() => {
      server.closeAllConnections();
      server.close();
    });
  });
  afterEach(() => rig.close());

  const config = () => ({
    hosts: { 'a.listed.test': '127.0.0.1' },
    'proxy-providers': {
      sub: { type: 'http', url: `${base}/nodes`, proxy: 'DIRECT', override: { 'additional-prefix': 'p ' } },
    },
    'rule-providers': { names: { type: 'http', behavior: 'domain', url: `${base}/names` } },
    'proxy-groups': [{ name: 'G', type: 'select', use: ['sub'] }],
    rules: ['RULE-SET,names,G', 'MATCH,DIRECT'],
  });
  async function talk(plane: RoutePlane): Promise<void> {
    const target = await rig.echo();
    const socket = await rig.connect(plane.control.settings().mixedPort);
    socket.write(`CONNECT a.listed.test:${target} HTTP/1.1\r\n\r\n`);
    await readExactly(socket, 39);
    socket.write('x');
    await readExactly(socket, 1);
  }

  it('carries flows by downloaded rules through downloaded nodes, and from copies when the server is gone', async () => {
    const plane = await rig.start(config());
    await talk(plane);
    assert.deepEqual(plane.control.connections()[0]?.chains, ['p straight', 'G']);
    assert.deepEqual(plane.control.connections()[0]?.providerChains, ['sub', '']);
    assert.equal(plane.control.outbound('G')?.group?.now, 'p straight');
    assert.ok(rig.lines.some((line) => line.includes('using DIRECT') && line.includes('127.0.0.1')));

    answers.clear();
    const again = await rig.start(config());
    await talk(again);
    assert.equal(again.control.providers.ruleProvider('names')?.ruleCount, 1);
    await assert.rejects(
      again.control.providers.updateProxyProvider('sub'),
      (error) => error instanceof GatewayError && error.message === '404 Not Found',
    );
    assert.deepEqual(again.control.outbound('G')?.group?.all, ['p straight', 'p closed']);
  });

  it('changes groups and rules when content changes', async () => {
    const plane = await rig.start(config());
    answers.set('/nodes', 'proxies: [{name: other, type: direct}]');
    answers.set('/names', 'payload: [x.test, y.test]');
    await plane.control.providers.updateProxyProvider('sub');
    await plane.control.providers.updateRuleProvider('names');
    assert.deepEqual(plane.control.outbound('G')?.group?.all, ['p other']);
    assert.equal(plane.control.providers.ruleProvider('names')?.ruleCount, 2);
    assert.deepEqual(
      plane.control.providers.proxyProviders().map(({ name, vehicleType }) => [name, vehicleType]),
      [
        ['sub', 'HTTP'],
        ['default', 'Compatible'],
      ],
    );
  });

  it('starts without its servers', async () => {
    answers.clear();
    const plane = await rig.start(config());
    assert.ok(rig.lines.includes('error initial proxy provider sub error: 404 Not Found'));
    assert.ok(rig.lines.includes('error initial rule provider names error: 404 Not Found'));
    assert.deepEqual(plane.control.outbound('G')?.group?.all, ['COMPATIBLE']);
  });

  it('downloads the web interface when it is not there', async () => {
    answers.set('/ui.zip', zipOf([['dist/index.html', 'hello']]));
    const ui = { 'external-ui': 'web', 'external-ui-name': 'x', 'external-ui-url': `${base}/ui.zip` };
    const plane = await rig.start(ui);
    await until(() => rig.lines.some((line) => line.includes('/ui.zip') || line.includes('using')));
    await plane.control.updateUi();
    answers.clear();
    await assert.rejects(
      plane.control.updateUi(),
      (error) => error instanceof GatewayError && error.message === "can't download file: 404 Not Found",
    );
  });
});
