import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readExactly } from '@sluice/route/testing/route-rig';
import { KernelScene, type RouteKeys, type ScriptedWeb } from '../support/kernel-scene.ts';
import { until } from '../support/until.ts';

describe('a start with slow servers', () => {
  let scene: KernelScene;
  let web: ScriptedWeb;
  let keys: RouteKeys;

  beforeEach(async () => {
    scene = new KernelScene();
    web = await scene.web();
    keys = {
      'proxy-providers': { sub: { type: 'http', url: `${web.base}/nodes`, path: './sub.yaml' } },
      'proxy-groups': [{ name: 'G', type: 'select', use: ['sub'] }],
      rules: ['MATCH,G'],
    };
  });
  afterEach(() => scene.close());

  it('does not wait for a provider for ever, and takes its nodes and the choice among them when they come', async () => {
    web.answers.set('/nodes', {
      body: 'proxies: [{name: a, type: direct}, {name: b, type: reject}]',
      delayMs: 4_000,
    });
    await scene.start(keys);
    assert.deepEqual((await scene.get('/proxies/G')).all, ['COMPATIBLE']);
    const echo = await scene.rig.echo();
    const socket = await scene.socks('127.0.0.1', echo);
    socket.write('a');
    await readExactly(socket, 1);
    await until('the nodes', async () =>
      (await scene.get('/proxies/G')).all.length === 2 ? true : undefined,
    );
    socket.write('b');
    assert.equal((await readExactly(socket, 1)).toString(), 'b');
    assert.equal(await scene.talk('127.0.0.1', echo), 'ping');
    assert.equal((await scene.get('/proxies/G')).now, 'a');
  });

  it('stops while a download is under way', async () => {
    web.answers.set('/nodes', { body: '', delayMs: 60_000 });
    await scene.start(keys);
    await scene.stop();
  });
});
