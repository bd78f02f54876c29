import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioFrame, videoFrame } from '../testing/frames.ts';
import { StampRewriter } from './stamp-rewriter.ts';

test('relative stamps start at 0 and keep the distance of the tracks', () => {
  const stamps = new StampRewriter(2);
  assert.equal(stamps.rewrite(videoFrame(5000, true), 0).dtsMs, 0);
  assert.equal(stamps.rewrite(audioFrame(5013), 1).dtsMs, 13);
  assert.equal(stamps.rewrite(videoFrame(5040, false), 40).dtsMs, 40);
  assert.equal(stamps.rewrite(audioFrame(5036), 41).dtsMs, 36);
});

test('jumps and rollbacks advance by the last good step and the tracks meet again', () => {
  const stamps = new StampRewriter(2);
  for (const at of [0, 40, 80]) {
    stamps.rewrite(videoFrame(at, false), at);
    stamps.rewrite(audioFrame(at), at);
  }
  assert.equal(stamps.rewrite(videoFrame(900_000, true), 120).dtsMs, 120);
  assert.equal(stamps.rewrite(audioFrame(900_010), 121).dtsMs, 130);
  assert.equal(stamps.rewrite(videoFrame(100, true), 160).dtsMs, 160);
  assert.equal(stamps.rewrite(videoFrame(140, false), 200).dtsMs, 200);
});

test('a slow source is not mistaken for a jump', () => {
  const stamps = new StampRewriter(2);
  for (let i = 0; i < 5; i++)
    assert.equal(stamps.rewrite(videoFrame(i * 1000, true), i * 1000).dtsMs, i * 1000);
});

test('an absurd composition time becomes 0, a negative one within bounds stays', () => {
  const stamps = new StampRewriter(2);
  assert.equal(stamps.rewrite({ ...videoFrame(0, true), ptsMs: 5000 }, 0).ptsMs, 0);
  assert.equal(stamps.rewrite({ ...videoFrame(40, false), ptsMs: 0 }, 40).ptsMs, 0);
});

test('output never goes back, whatever comes in', () => {
  const stamps = new StampRewriter(2);
  const last = { video: -1, audio: -1 };
  let seed = 7;
  for (let i = 0; i < 5000; i++) {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    const dtsMs = seed % 10 === 0 ? seed : i * 20 + (seed % 50);
    const frame = stamps.rewrite(seed % 2 === 0 ? videoFrame(dtsMs, false, 16) : audioFrame(dtsMs), i * 10);
    assert.ok(frame.dtsMs >= last[frame.kind]);
    last[frame.kind] = frame.dtsMs;
  }
});

test('after a new producer took over both tracks go on together', () => {
  const stamps = new StampRewriter(2);
  for (const at of [0, 40, 80]) stamps.rewrite(videoFrame(at, false), at);
  for (const at of [0, 20, 40, 60]) stamps.rewrite(audioFrame(at), at);
  stamps.rebase();
  assert.equal(stamps.rewrite(videoFrame(70_000, true), 5000).dtsMs, 120);
  assert.equal(stamps.rewrite(audioFrame(70_005), 5001).dtsMs, 125);
});

test('mode 0 changes nothing, mode 1 follows the clock smoothly', () => {
  const frame = videoFrame(12345, true);
  assert.equal(new StampRewriter(0).rewrite(frame, 0), frame);
  const stamps = new StampRewriter(1);
  stamps.rewrite(videoFrame(0, true), 1000);
  assert.equal(stamps.rewrite(videoFrame(40, false), 1048).dtsMs, 40);
  assert.equal(stamps.rewrite(videoFrame(80, false), 3000).dtsMs, 2000);
});
