import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileGlob } from './glob.ts';

test('a glob matches what the same regular expression matches', () => {
  const text = fc.array(fc.constantFrom('a', 'b', '.', '*'), { maxLength: 8 }).map((chars) => chars.join(''));
  fc.assert(
    fc.property(text, text, (glob, name) => {
      const pattern = glob.replaceAll('.', '\\.').replaceAll('*', '[^]*');
      assert.equal(compileGlob(glob)(name), new RegExp(`^${pattern}$`).test(name));
    }),
    { numRuns: 2000 },
  );
});
