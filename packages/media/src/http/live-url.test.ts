import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLiveUrl } from './live-url.ts';

test('live addresses', () => {
  const cases = [
    ['/live/a.live.flv', 'flv live a'],
    ['/live/a/b.live.flv?token=x%20y', 'flv live a/b token=x%20y'],
    ['/live/%E6%B5%8B.live.flv', 'flv live 测'],
    ['/live/a/hls.m3u8?x=1', 'playlist live a x=1'],
    ['/live/a/2026-11-21/13/05-09_12.ts', 'segment live a 2026-11-21/13/05-09_12.ts'],
  ] as const;
  for (const [target, expected] of cases) {
    const url = parseLiveUrl(target);
    const text = [url?.kind, url?.app, url?.stream, url?.params, url?.segment].filter(Boolean).join(' ');
    assert.equal(text, expected, target);
  }
});

test('everything else is somebody else’s', () => {
  const cases = [
    '/',
    '/live/a.flv',
    '/live.live.flv',
    '/live/.live.flv',
    '/live/a.live.ts',
    '/index/api/x.live.flv',
    '/live/../etc.live.flv',
    '/live/%2e%2e/x.live.flv',
    '/live/%zz.live.flv',
    '/live/a%00.live.flv',
    '/a/hls.m3u8',
    '/live/a/2026-11-21/13/05-09.ts',
    'http://x/live/a.live.flv',
    `/live/${'a'.repeat(5000)}.live.flv`,
  ];
  for (const target of cases) assert.equal(parseLiveUrl(target), undefined, target);
});
