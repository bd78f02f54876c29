import assert from 'node:assert/strict';
import { test } from 'node:test';
import Value from 'typebox/value';
import { checkMedia, type MediaConfig, mediaConfigSchema } from './config.ts';

function issues(config: MediaConfig): string[] {
  const found: string[] = [];
  checkMedia(config, (severity, path) => found.push(`${severity} ${path.join('.')}`));
  return found;
}

test('an empty section and the sample values are fine', () => {
  assert.deepEqual(issues({}), []);
  const sample = {
    listen: '127.0.0.1',
    rtmp: { port: 1935 },
    protocol: { enable_hls: 1, auto_close: false },
    hls: { segDur: 2 },
  };
  assert.equal(Value.Check(mediaConfigSchema, sample), true);
  assert.deepEqual(issues(sample), []);
});

test('the schema refuses values of the wrong kind', () => {
  assert.equal(Value.Check(mediaConfigSchema, { rtmp: { port: 'x' } }), false);
  assert.equal(Value.Check(mediaConfigSchema, { protocol: { enable_hls: 2 } }), false);
  assert.equal(Value.Check(mediaConfigSchema, { hls: 3 }), false);
});

test('what the schema cannot see is reported at its place', () => {
  assert.deepEqual(issues({ listen: 'example.com' }), ['error listen']);
  assert.deepEqual(issues({ listen: '0.0.0.0' }), ['error listen']);
  assert.deepEqual(issues({ listen: '0.0.0.0', api: { secret: 'mine' } }), []);
  assert.deepEqual(issues({ rtmp: { port: 70000 } }), ['error rtmp.port']);
  assert.deepEqual(issues({ rtmp: { port: 9092 }, http: { port: 9092 } }), ['error rtmp.port']);
  assert.deepEqual(issues({ hls: { segDur: 0 } }), ['error hls.segDur']);
  assert.deepEqual(issues({ protocol: { modify_stamp: 3 } }), ['error protocol.modify_stamp']);
  assert.deepEqual(issues({ general: { maxStreamWaitMS: -1 } }), ['error general.maxStreamWaitMS']);
});
