import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GroupConfig } from '../config/proxy-config.ts';
import { GroupRig, groupConfig, nowOf } from './testing/group-rig.ts';

describe('dial feedback', () => {
  function failing(type: GroupConfig['type'], members = ['a', 'b']) {
    const rig = new GroupRig();
    const provider = rig.provider('sub', ['x'], { url: 'http://provider/' });
    const config = groupConfig('g', type, members, { use: ['sub'], maxFailedTimes: 3, timeoutMs: 5_000 });
    const table = rig.table([config], ['a', 'b'], { providers: [provider] });
    const dial = async (error: unknown) => {
      table.choose('g')?.dialed(error);
      await rig.settle();
      return rig.tests.length;
    };
    return { rig, table, dial };
  }
  const timeout = new Error('timed out');

  for (const type of ['url-test', 'fallback', 'load-balance'] as const) {
    it(`${type}: a refused connection tests own members and providers at once`, async () => {
      const { rig, table, dial } = failing(type);
      rig.delays.set('b', 10);
      await dial(Object.assign(new Error('192.0.2.1:443 connect error: connect ECONNREFUSED 192.0.2.1:443')));
      assert.deepEqual(rig.tests.toSorted(), [
        'a http://test.example/',
        'b http://test.example/',
        'x http://provider/',
        'x http://test.example/',
      ]);
      if (type === 'fallback') assert.equal(nowOf(table, 'g'), 'b');
    });
  }

  it('so many failures within the window cause a test', async () => {
    const { rig, dial } = failing('fallback');
    assert.equal(await dial(timeout), 0);
    rig.clock.advance(2_500);
    assert.equal(await dial(timeout), 0);
    rig.clock.advance(2_500);
    assert.equal(await dial(timeout), 4);
    assert.deepEqual(rig.lines, ['because g failed multiple times, active health check']);
  });

  it('a success or the end of the window starts over', async () => {
    const { rig, dial } = failing('fallback');
    await dial(timeout);
    await dial(timeout);
    await dial(undefined);
    await dial(timeout);
    assert.equal(await dial(timeout), 0);
    rig.clock.advance(5_001);
    assert.equal(await dial(timeout), 0, 'only resets the count');
    await dial(timeout);
    assert.equal(await dial(timeout), 0);
    assert.equal(await dial(timeout), 4);
  });

  it('failures of members that cannot be tested do not count', async () => {
    const { rig, dial } = failing('fallback', ['DIRECT', 'a']);
    for (let dials = 0; dials < 5; dials++) await dial(new Error('connection refused'));
    assert.deepEqual(rig.tests, []);
  });

  it('further failures during a test are ignored', async () => {
    const { rig, table } = failing('fallback');
    const refused = new Error('connection refused');
    for (let dials = 0; dials < 5; dials++) table.choose('g')?.dialed(refused);
    await rig.settle();
    assert.equal(rig.tests.length, 4);
  });
});
