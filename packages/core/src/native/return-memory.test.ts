import assert from 'node:assert/strict';
import { it } from 'node:test';
import { returnMemory } from './return-memory.ts';

it('collects what nobody refers to any more', async () => {
  let big: object | undefined = Array.from({ length: 100_000 }, (_, index) => ({ index }));
  const gone = new WeakRef(big);
  big = undefined;
  // What is read off a weak reference stays until the turn is over.
  await new Promise((resolve) => setImmediate(resolve));
  returnMemory();
  assert.equal(gone.deref(), undefined);
});
