import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { KernelScene, type RouteKeys, type ScriptedWeb } from '../support/kernel-scene.ts';
import { ScriptedProxy } from '../support/scripted-proxy.ts';
import { until } from '../support/until.ts';

/** Far enough apart for a busy machine. */
const SLOW_MS = 400;

describe('groups over scripted nodes', () => {
  let scene: KernelScene;
  let web: ScriptedWeb;
  let nodes: readonly [ScriptedProxy, ScriptedProxy, ScriptedProxy];
  let keys: RouteKeys;
  let echo: number;

  beforeEach(async () => {
    scene = new KernelScene();
    web = await scene.web();
    web.answers.set('/204', { status: 204 });
    echo = await scene.rig.echo();
    nodes = [new ScriptedProxy(), new ScriptedProxy(), new ScriptedProxy()];
    const proxies = [];
    for (const [index, node] of nodes.entries()) {
      proxies.push({ name: `n${index}`, type: 'http', server: '127.0.0.1', port: await node.listen() });
      scene.rig.onClose(() => node.close());
    }
    const names = proxies.map(({ name }) => name);
    const test = { url: `${web.base}/204`, interval: 3_600, lazy: false, proxies: names };
    keys = {
      proxies,
      'proxy-groups': [
        { name: 'auto', type: 'url-test', tolerance: 2_000, ...test },
        { name: 'quick', type: 'url-test', ...test },
        { name: 'spare', type: 'fallback', ...test },
        { name: 'turns', type: 'load-balance', strategy: 'round-robin', ...test },
        { name: 'sites', type: 'load-balance', ...test },
        { name: 'top', type: 'select', proxies: ['auto', 'spare', 'turns', 'sites', 'DIRECT'] },
      ],
      hosts: { '*.test': '127.0.0.1' },
      rules: ['MATCH,top'],
    };
  });
  afterEach(() => scene.close());

  const now = async (group: string): Promise<string> => (await scene.get(`/proxies/${group}`)).now;
  /** Tests the members of a group through the API, and waits for the outcome. */
  const measure = (group: string) =>
    scene.get(`/group/${group}/delay?url=${encodeURIComponent(`${web.base}/204`)}&timeout=5000`);
  const choose = (group: string, name: string) => scene.api('PUT', `/proxies/${group}`, { name });

  async function chainsTo(host: string): Promise<string[]> {
    const socket = await scene.socks(host, echo);
    socket.write('x');
    await once(socket, 'data');
    const found = await scene.connection(
      ({ metadata }) => metadata['sourcePort'] === String(socket.localPort),
    );
    socket.destroy();
    return found.chains;
  }

  it('url-test takes the quickest, and stays with it within the tolerance', async () => {
    for (const slow of [nodes[1], nodes[2]]) slow.delayMs = SLOW_MS;
    await scene.start(keys);
    await measure('auto');
    assert.deepEqual([await now('auto'), await now('quick')], ['n0', 'n0']);
    nodes[0].delayMs = 2 * SLOW_MS;
    nodes[2].delayMs = 0;
    await measure('auto');
    assert.equal(await now('auto'), 'n0', 'slower, but within the tolerance');
    await measure('quick');
    assert.equal(await now('quick'), 'n2');
    nodes[0].isDown = true;
    await measure('auto');
    assert.equal(await now('auto'), 'n2', 'the one in use has died');
  });

  it('fallback takes the first that lives, and comes back to it', async () => {
    nodes[0].isDown = true;
    await scene.start(keys);
    await measure('spare');
    assert.equal(await now('spare'), 'n1');
    assert.equal((await choose('top', 'spare')).status, 204);
    assert.deepEqual(await chainsTo('a.test'), ['n1', 'spare', 'top']);
    nodes[1].isDown = true;
    await measure('spare');
    assert.equal(await now('spare'), 'n2');
    nodes[0].isDown = false;
    await measure('spare');
    assert.equal(await now('spare'), 'n0');
  });

  it('tests its nodes at the start', async () => {
    nodes[0].isDown = true;
    await scene.start(keys);
    await until('the first test', async () => ((await now('spare')) === 'n1' ? true : undefined));
    const { extra, alive } = await scene.get('/proxies/n0');
    assert.equal(alive, false);
    assert.equal(extra[`${web.base}/204`].alive, false);
  });

  it('tests again at once when a node refuses connections', async () => {
    await scene.start(keys);
    await measure('spare');
    await choose('top', 'spare');
    assert.equal(await now('spare'), 'n0');
    nodes[0].close();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    assert.equal(await scene.talk('a.test', echo), 'refused');
    await until('another node', async () => ((await now('spare')) === 'n1' ? true : undefined));
    assert.equal(await scene.talk('a.test', echo), 'ping');
  });

  it('load-balance takes turns, or keeps a site on its node', async () => {
    await scene.start(keys);
    await measure('turns');
    await choose('top', 'turns');
    const turns = [];
    for (let count = 0; count < 6; count += 1) turns.push((await chainsTo('a.test'))[0]);
    assert.equal(new Set(turns.slice(0, 3)).size, 3);
    assert.deepEqual(turns.slice(3), turns.slice(0, 3));
    await choose('top', 'sites');
    const site = await chainsTo('www.site.test');
    assert.deepEqual(await chainsTo('mail.site.test'), site);
  });

  it('remembers selections over a restart, also of a url-test, and forgets an unfixed one', async () => {
    await scene.start(keys);
    await choose('top', 'spare');
    await choose('auto', 'n2');
    await choose('spare', 'n1');
    assert.equal((await scene.api('DELETE', '/proxies/spare')).status, 204);
    await scene.stop();
    await scene.start(keys);
    assert.equal(await now('top'), 'spare');
    assert.equal((await scene.get('/proxies/auto')).fixed, 'n2');
    assert.equal((await scene.get('/proxies/spare')).fixed, '');
    assert.deepEqual(await choose('top', 'nobody'), {
      status: 400,
      text: '{"message":"Selector update error: proxy not exist"}\n',
    });
  });

  it('remembers the selection of a node whose provider loads later', async () => {
    const listed = JSON.stringify({
      proxies: [
        { name: 'far', type: 'direct' },
        { name: 'near', type: 'direct' },
      ],
    });
    web.answers.set('/nodes', listed);
    const withProvider = {
      ...keys,
      'proxy-providers': { sub: { type: 'http', url: `${web.base}/nodes`, path: './sub.yaml' } },
      'proxy-groups': [{ name: 'top', type: 'select', proxies: ['DIRECT'], use: ['sub'] }],
    };
    await scene.start(withProvider);
    assert.equal((await choose('top', 'near')).status, 204);
    await scene.stop();
    rmSync(join(scene.folder, 'sub.yaml'));
    web.answers.delete('/nodes');
    await scene.start(withProvider);
    assert.equal(await now('top'), 'DIRECT');
    web.answers.set('/nodes', listed);
    assert.equal((await scene.api('PUT', '/providers/proxies/sub')).status, 204);
    assert.equal(await now('top'), 'near');
    assert.deepEqual(await chainsTo('a.test'), ['near', 'top']);
  });
});
