import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from './clock.ts';

test('delays beyond what a timer can wait are waited for as long as it can', async () => {
  let fired = 0;
  const timers = [systemClock.after(1e12, () => fired++), systemClock.every(1e12, () => fired++)];
  await setTimeout(20);
  for (const timer of timers) timer.cancel();
  assert.equal(fired, 0);
});
