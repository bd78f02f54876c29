import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import type { Logger } from '@sluice/core/log/logger';
import { silentLog } from '../proxy/testing/fixture.ts';
import { LossReport } from './loss-report.ts';

test('losses are told at once, then once per period', () => {
  const clock = new FakeClock();
  const told: unknown[] = [];
  const log: Logger = { ...silentLog, warning: (_message, fields) => void told.push(fields) };
  const report = new LossReport(clock, log);
  report.countLost(3);
  for (let index = 0; index < 100; index++) report.countWithoutBodies();
  assert.deepEqual(told, [{ lost: 3, withoutBodies: 0 }]);
  clock.advance(10_000);
  assert.deepEqual(told[1], { lost: 3, withoutBodies: 100 });
  clock.advance(60_000);
  assert.equal(told.length, 2, 'nothing more happened');
  report.countLost(1);
  assert.deepEqual(told[2], { lost: 4, withoutBodies: 100 });
  report.close();
});
