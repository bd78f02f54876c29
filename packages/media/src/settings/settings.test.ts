import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { MediaConfig } from '../config.ts';
import { MediaSettings } from './settings.ts';

let directory: string;
let path: string;
let runs = 0;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-settings-'));
});
beforeEach(() => {
  path = join(directory, String(runs++), 'media-config.json');
});
after(() => rmSync(directory, { recursive: true }));

const open = (config: MediaConfig = {}) => new MediaSettings(config, path);
const change = (settings: MediaSettings, values: Record<string, string>) =>
  settings.set(new Map(Object.entries(values)));

test('defaults, configured values and their texts', () => {
  const settings = open({
    rtmp: { port: 1234 },
    protocol: { auto_close: true },
    hls: { segDur: 1.5 },
    listen: '127.0.0.2',
  });
  assert.equal(settings.text('rtmp.port'), '1234');
  assert.equal(settings.text('protocol.auto_close'), '1');
  assert.equal(settings.flag('protocol.auto_close'), true);
  assert.equal(settings.number('hls.segDur'), 1.5);
  assert.equal(settings.text('http.port'), '9092');
  assert.equal(settings.text('general.listen_ip'), '127.0.0.2');
  assert.equal(settings.text('hook.alive_interval'), '10.0');
});

test('unknown, protected and equal values do not count; changes are announced', () => {
  const settings = open();
  const announced: string[] = [];
  settings.onChange((changed) => announced.push(...changed));
  assert.equal(
    change(settings, {
      'general.maxStreamWaitMS': '5',
      'hls.segNum': '3',
      'no.such': 'x',
      secret: 'x',
      'ffmpeg.bin': '/bin/sh',
      'ffmpeg.snap': 'x',
      'Hls.segNum': '9',
    }),
    1,
  );
  assert.deepEqual(announced, ['general.maxStreamWaitMS']);
  assert.equal(settings.number('general.maxStreamWaitMS'), 5);
  assert.equal(change(settings, { 'general.maxStreamWaitMS': '5' }), 0);
  assert.equal(change(settings, { 'hook.on_play': '' }), 0);
  assert.equal(settings.text('ffmpeg.bin'), '/usr/bin/ffmpeg');
});

test('values that no line could hold are ignored, and a character set never breaks a header', () => {
  const settings = open({ http: { charSet: 'utf-8\r\nX-Evil: 1' } });
  assert.equal(settings.charSet, 'utf-8');
  assert.equal(change(settings, { 'http.charSet': 'gbk\r\n', 'hook.on_play': 'a\u0000' }), 0);
  assert.equal(change(settings, { 'http.charSet': 'gbk' }), 1);
  assert.equal(settings.charSet, 'gbk');
  assert.equal(change(settings, { 'http.charSet': '中文' }), 1);
  assert.equal(settings.charSet, 'utf-8');
});

test('changes survive a restart, and a later edit of the configuration wins over them', () => {
  change(open({ hls: { segDur: 2 } }), { 'hls.segDur': '4', 'hook.on_play': 'http://127.0.0.1/x' });
  assert.equal(open({ hls: { segDur: 2 } }).text('hls.segDur'), '4');
  const edited = open({ hls: { segDur: 6 } });
  assert.equal(edited.text('hls.segDur'), '6');
  assert.equal(edited.text('hook.on_play'), 'http://127.0.0.1/x');
});

test('an empty or well-known secret is replaced by a random one that stays', () => {
  const first = open().text('api.secret');
  assert.match(first, /^[\w-]{32}$/);
  assert.equal(open().text('api.secret'), first);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(open({ api: { secret: 'mine' } }).text('api.secret'), 'mine');
  assert.notEqual(
    open({ api: { secret: '035c73f7-bb6b-4889-a715-d9eb2d1925cc' } }).text('api.secret'),
    first,
  );
});

test('text that is no number means the default; leading numbers count', () => {
  const settings = open();
  change(settings, {
    'general.maxStreamWaitMS': 'soon',
    'rtmp.keepAliveSecond': '7 seconds',
    'protocol.auto_close': 'true',
  });
  assert.equal(settings.number('general.maxStreamWaitMS'), 15000);
  assert.equal(settings.number('rtmp.keepAliveSecond'), 7);
  assert.equal(settings.flag('protocol.auto_close'), true);
});

test('a reload announces what it changed', () => {
  const settings = open({ hls: { segDur: 2 } });
  const changed = settings.reconfigure({ hls: { segDur: 3 } });
  assert.deepEqual([...changed], ['hls.segDur']);
});

test('a damaged file is reported, not overwritten', () => {
  open();
  writeFileSync(path, '{"hls.segDur": {"value": 4');
  assert.throws(() => open(), { code: 'media.settings' });
});
