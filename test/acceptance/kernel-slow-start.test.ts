import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
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

  it('starts without a slow provider, but lets clients in only when it has its nodes', async () => {
    web.answers.set('/nodes', {
      body: 'proxies: [{name: a, type: direct}, {name: b, type: reject}]',
      delayMs: 4_000,
    });
    await scene.start(keys);
    assert.deepEqual((await scene.get('/proxies/G')).all, ['COMPATIBLE']);
    assert.equal((await scene.get('/configs'))['mixed-port'], 0);
    await until('the port', async () =>
      (await scene.get('/configs'))['mixed-port'] === 0 ? undefined : true,
    );
    assert.equal((await scene.get('/proxies/G')).now, 'a');
    const echo = await scene.rig.echo();
    assert.equal(await scene.talk('127.0.0.1', echo), 'ping');
  });

  it('lets nobody out while a reload fetches a new list of outbounds', async () => {
    web.answers.set('/nodes', { body: 'proxies: [{name: a, type: direct}]', delayMs: 1_500 });
    await scene.start({ rules: ['MATCH,DIRECT'] });
    const echo = await scene.rig.echo();
    assert.equal(await scene.talk('127.0.0.1', echo), 'ping');
    const reloaded = scene.api('PUT', '/configs?force=true', { payload: scene.yaml(keys) });
    await until('the new group', async () => {
      const group = await scene.get('/proxies/G').catch(() => undefined);
      return Array.isArray(group?.all) ? true : undefined;
    });
    assert.equal(await scene.talk('127.0.0.1', echo), 'refused');
    await reloaded;
    assert.equal(await scene.talk('127.0.0.1', echo), 'ping');
  });

  it('stops while a download is under way', async () => {
    web.answers.set('/nodes', { body: '', delayMs: 60_000 });
    await scene.start(keys);
    await scene.stop();
  });
});
