import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRtmpNames } from './names.ts';

const CASES: readonly (readonly [app: string, name: string, expected: readonly [string, string, string]])[] =
  [
    ['live', 'cam', ['live', 'cam', '']],
    ['live', 'cam?token=a&x=1', ['live', 'cam', 'token=a&x=1']],
    ['live?token=a', 'cam', ['live', 'cam', 'token=a']],
    ['live?token=a', 'cam?token=b', ['live', 'cam', 'token=b']],
    ['live/', 'cam', ['live', 'cam', '']],
    ['/live', '/cam', ['live', 'cam', '']],
    ['a/b', 'c', ['a', 'b/c', '']],
    ['record', 'mp4:0', ['record', '0.mp4', '']],
    ['record', 'mp4:0.mp4', ['record', '0.mp4', '']],
    ['live', 'flv:cam', ['live', 'cam.flv', '']],
    ['live', 'c%20m?a=%20', ['live', 'c m', 'a=%20']],
    ['live', 'c%2', ['live', 'c%2', '']],
    ['live', 'a?x=mp4:1', ['live', 'a', 'x=mp4:1']],
    ['', 'cam', ['', 'cam', '']],
    ['live', '', ['live', '', '']],
  ];

for (const [app, name, [expectedApp, stream, params]] of CASES) {
  test(`${app} + ${name}`, () => {
    assert.deepEqual(parseRtmpNames(app, name), { app: expectedApp, stream, params });
  });
}
