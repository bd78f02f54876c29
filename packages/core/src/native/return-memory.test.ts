import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { returnMemory, returnMemoryWhenIdle } from './return-memory.ts';

it('collects what nobody refers to any more', async () => {
  let big: object | undefined = Array.from({ length: 100_000 }, (_, index) => ({ index }));
  const gone = new WeakRef(big);
  big = undefined;
  // What is read off a weak reference stays until the turn is over.
  await new Promise((resolve) => setImmediate(resolve));
  returnMemory();
  assert.equal(gone.deref(), undefined);
});

it('does so again when an idle process has grown, and not otherwise', () => {
  const clock = new FakeClock();
  let times = 0;
  let bytes = 100e6;
  let idle = true;
  const timer = returnMemoryWhenIdle(clock, {
    returnMemory: () => {
      times += 1;
    },
    residentBytes: () => bytes,
    wasIdle: () => idle,
  });
  const look = () => {
    clock.advance(15_000);
    return times;
  };
  assert.equal(look(), 1);
  bytes = 200e6;
  idle = false;
  assert.equal(look(), 1);
  idle = true;
  assert.equal(look(), 2);
  assert.equal(look(), 2);
  timer.cancel();
  bytes = 300e6;
  assert.equal(look(), 2);
});
