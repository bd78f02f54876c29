import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { parseMediaPlaylist } from '@sluice/codec/hls/media-playlist';
import { audioFrame, audioTrack, videoFrame, videoTrack } from '../testing/frames.ts';
import { HlsOutput, type HlsOutputOptions } from './hls-output.ts';

function setUp(options: Partial<HlsOutputOptions> = {}) {
  const clock = new FakeClock(new Date(2026, 10, 21, 13, 5, 9).getTime());
  let registered = 0;
  const hls = new HlsOutput({
    clock,
    tracks: { video: videoTrack, audio: audioTrack },
    segmentMs: 2000,
    listedSegments: 3,
    retainedSegments: 2,
    fastRegister: false,
    onDemand: false,
    registered: () => {
      registered += 1;
    },
    ...options,
  });
  let nextMs = 0;
  /** One second of 25 pictures starting with a key frame, and audio between them. */
  const writeGop = () => {
    for (let i = 0; i < 25; i++, nextMs += 40) {
      hls.writeFrame(videoFrame(nextMs, i === 0));
      hls.writeFrame(audioFrame(nextMs + 10));
    }
    clock.advance(1000);
  };
  const playlist = () => parseMediaPlaylist(hls.playlist?.toString() ?? '');
  const jumpTo = (dtsMs: number) => {
    nextMs = dtsMs;
  };
  return { clock, hls, writeGop, jumpTo, playlist, registeredTimes: () => registered };
}

test('segments are cut at the first key frame after their time, and only finished ones are listed', () => {
  const { hls, writeGop, playlist, registeredTimes } = setUp();
  writeGop();
  writeGop();
  assert.equal(hls.playlist, undefined);
  assert.equal(registeredTimes(), 0);
  writeGop();
  assert.equal(registeredTimes(), 1);
  assert.equal(hls.registered, true);
  const [segment] = playlist().segments;
  assert.deepEqual(segment, { uri: '2026-11-21/13/05-11_0.ts', durationSeconds: 2, discontinuity: false });
  const bytes = hls.segment(segment?.uri ?? '')?.bytes;
  assert.ok(bytes !== undefined && bytes.byteLength % 188 === 0);
  assert.equal(bytes.readUInt16BE(1) & 0x1fff, 0, 'starts with the PAT');
});

test('the window moves: old segments leave the list, stay a while, then go', () => {
  const { hls, writeGop, playlist } = setUp();
  const seen: string[] = [];
  for (let i = 0; i < 31; i++) {
    writeGop();
    if (hls.playlist !== undefined) seen.push(...playlist().segments.map(({ uri }) => uri));
  }
  const names = [...new Set(seen)];
  assert.equal(names.length, 15);
  assert.equal(playlist().mediaSequence, 12);
  assert.deepEqual(
    playlist().segments.map(({ uri }) => uri),
    names.slice(-3),
  );
  assert.equal(playlist().targetDurationSeconds, 2);
  const kept = names.filter((name) => hls.segment(name) !== undefined);
  assert.deepEqual(kept, names.slice(-5));
});

test('audio alone is cut by time', () => {
  const { hls, playlist } = setUp({ tracks: { video: undefined, audio: audioTrack } });
  for (let i = 0; i < 250; i++) hls.writeFrame(audioFrame(i * 20));
  assert.deepEqual(
    playlist().segments.map(({ durationSeconds }) => durationSeconds),
    [2, 2],
  );
});

test('fastRegister lists the first GOP at once', () => {
  const { writeGop, playlist } = setUp({ fastRegister: true });
  for (let i = 0; i < 4; i++) writeGop();
  assert.deepEqual(
    playlist().segments.map(({ durationSeconds }) => durationSeconds),
    [1, 2],
  );
});

test('a splice is marked in the playlist and counted when it leaves', () => {
  const { hls, writeGop, playlist } = setUp();
  for (let i = 0; i < 3; i++) writeGop();
  hls.setTracks({ video: videoTrack, audio: undefined });
  for (let i = 0; i < 5; i++) writeGop();
  assert.deepEqual(
    playlist().segments.map(({ discontinuity }) => discontinuity),
    [false, true, false],
  );
  for (let i = 0; i < 4; i++) writeGop();
  assert.equal(playlist().discontinuitySequence, 1);
});

test('on demand nothing is made until somebody watches, and nothing stays when nobody does', () => {
  const { hls, writeGop, registeredTimes } = setUp({ onDemand: true });
  assert.equal(registeredTimes(), 1);
  for (let i = 0; i < 5; i++) writeGop();
  assert.equal(hls.windowBytes, 0);
  hls.setWatched(true);
  for (let i = 0; i < 5; i++) writeGop();
  assert.ok(hls.windowBytes > 0);
  hls.setWatched(false);
  assert.equal(hls.windowBytes, 0);
  assert.equal(hls.playlist, undefined);
});

test('players that wait get the first playlist, or nothing when the stream ends or they leave', async () => {
  const { hls, writeGop } = setUp();
  const first = hls.waitForPlaylist(new AbortController().signal);
  const leaver = new AbortController();
  const left = hls.waitForPlaylist(leaver.signal);
  leaver.abort();
  assert.equal(await left, undefined);
  for (let i = 0; i < 3; i++) writeGop();
  assert.equal(await first, hls.playlist);
  const short = setUp();
  const waiting = short.hls.waitForPlaylist(new AbortController().signal);
  short.hls.close();
  assert.equal(await waiting, undefined);
  assert.equal(short.registeredTimes(), 0, 'too short to register');
});

test('at the end the last segment is listed and the playlist closed', () => {
  const { hls, writeGop, playlist } = setUp();
  for (let i = 0; i < 4; i++) writeGop();
  hls.close();
  assert.equal(playlist().ended, true);
  assert.equal(playlist().segments.length, 2);
  assert.equal(hls.registered, false);
  hls.release();
  assert.equal(hls.windowBytes, 0);
});

test('without key frames a segment is cut by size, so memory stays bounded', () => {
  const { hls } = setUp();
  hls.writeFrame(videoFrame(0, true));
  for (let i = 1; i < 160; i++) hls.writeFrame(videoFrame(i * 40, false, 1024 * 1024));
  assert.ok(hls.windowBytes > 0 && hls.windowBytes <= 170 * 1024 * 1024);
});

for (const [what, targetMs] of [
  ['wrap', 0],
  ['jump ahead', 4_000_000_000],
] as const) {
  test(`timestamps that ${what} begin a new timeline and leave durations as they are`, () => {
    const { writeGop, jumpTo, playlist } = setUp();
    jumpTo(100_000_000);
    for (let i = 0; i < 3; i++) writeGop();
    jumpTo(targetMs);
    for (let i = 0; i < 3; i++) writeGop();
    const { segments, targetDurationSeconds } = playlist();
    assert.equal(targetDurationSeconds, 2);
    assert.deepEqual(
      segments.map(({ durationSeconds, discontinuity }) => [Math.round(durationSeconds), discontinuity]),
      [
        [2, false],
        [1, false],
        [2, true],
      ],
    );
  });
}

test('on demand: what was left when the stream ended stays for those who still fetch it', () => {
  const { hls, writeGop, playlist } = setUp({ onDemand: true });
  hls.setWatched(true);
  for (let i = 0; i < 3; i++) writeGop();
  hls.close();
  hls.setWatched(false);
  assert.equal(playlist().ended, true);
  assert.ok(hls.segment(playlist().segments[0]?.uri ?? '') !== undefined);
});
