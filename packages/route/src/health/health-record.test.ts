import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HealthRecord, UNKNOWN_DELAY_MS } from './health-record.ts';

describe('health record', () => {
  it('is alive everywhere before any test', () => {
    const record = new HealthRecord();
    assert.equal(record.aliveFor('u'), true);
    assert.equal(record.lastDelayMs('u'), UNKNOWN_DELAY_MS);
    assert.deepEqual(record.view(), { alive: true, history: [], extra: {} });
  });

  it('a failure kills it, also for URLs that were never tested, but not for others that were', () => {
    const record = new HealthRecord();
    record.record('good', 1, 40, true);
    record.record('bad', 2, undefined, false);
    assert.deepEqual(
      ['good', 'bad', 'other'].map((url) => record.aliveFor(url)),
      [true, false, false],
    );
    assert.deepEqual(
      ['good', 'bad', 'other'].map((url) => record.lastDelayMs(url)),
      [40, UNKNOWN_DELAY_MS, UNKNOWN_DELAY_MS],
    );
    assert.deepEqual(record.view(), {
      alive: false,
      history: [
        { timeMs: 1, delayMs: 40 },
        { timeMs: 2, delayMs: 0 },
      ],
      extra: {
        good: { alive: true, history: [{ timeMs: 1, delayMs: 40 }] },
        bad: { alive: false, history: [{ timeMs: 2, delayMs: 0 }] },
      },
    });
  });

  it('an unexpected status is a success of the node and a failure for the URL', () => {
    const record = new HealthRecord();
    record.record('u', 1, 40, false);
    assert.equal(record.aliveFor('u'), false);
    assert.equal(record.aliveFor('other'), true);
    assert.deepEqual(record.view().history, [{ timeMs: 1, delayMs: 40 }]);
    assert.deepEqual(record.view().extra['u'], { alive: false, history: [{ timeMs: 1, delayMs: 0 }] });
  });

  it('keeps ten results, and the URLs tested last', () => {
    const record = new HealthRecord();
    for (let time = 1; time <= 12; time++) record.record('', time, time, true);
    assert.deepEqual(
      record.view().history.map(({ timeMs }) => timeMs),
      [3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    );
    for (let index = 0; index < 100; index++) {
      record.record(`u${index}`, index, 1, true);
      record.record('', index, 1, true);
    }
    const urls = Object.keys(record.view().extra);
    assert.equal(urls.length, 32);
    assert.ok(urls.includes('') && urls.includes('u99') && !urls.includes('u0'));
  });

  it('takes URLs that are names of object members', () => {
    const record = new HealthRecord();
    record.record('__proto__', 1, 5, true);
    assert.deepEqual(Object.keys(record.view().extra), ['__proto__']);
  });
});
