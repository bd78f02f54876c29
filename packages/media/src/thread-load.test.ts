import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ThreadLoad } from './thread-load.ts';

test('readings between two samples are the same, however many ask', async () => {
  await setTimeout(1);
  const load = new ThreadLoad();
  load.start();
  const until = performance.now() + 30;
  while (performance.now() < until);
  await setTimeout(1);
  load.sample();
  const first = load.read(3);
  assert.deepEqual(load.read(3), first);
  assert.ok(first.load > 0, 'the loop was busy');
  assert.equal(first.handles, 3);
  load.stop();
});
