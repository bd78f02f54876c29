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
  assert.deepEqual(
    normalizeArguments(['-config', 'bW9kZTo=', '-config=a==', '--config', 'x', '-ext-ctl-unix=s']),
    ['--config-string', 'bW9kZTo=', '--config-string=a==', '--config', 'x', '--ext-ctl-unix=s'],
  );
  assert.deepEqual(normalizeArguments(['run', '--', '-secret']), ['run', '--', '-secret']);
});
