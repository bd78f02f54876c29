import assert from 'node:assert/strict';
import { it } from 'node:test';
import { normalizeArguments } from './launch-arguments.ts';

it('rewrites launcher spellings and leaves everything else', () => {
  assert.deepEqual(
    normalizeArguments([
      '-d',
      '/home',
      '-f',
      'config.yaml',
      '-t',
      '-ext-ctl',
      '127.0.0.1:9',
      '-secret=x',
      '-ext-ui',
      'ui',
      '--yes',
    ]),
    [
      '-d',
      '/home',
      '-f',
      'config.yaml',
      '-t',
      '--ext-ctl',
      '127.0.0.1:9',
      '--secret=x',
      '--ext-ui',
      'ui',
      '--yes',
    ],
  );
  assert.deepEqual(normalizeArguments(['run', '--', '-secret']), ['run', '--', '-secret']);
});
