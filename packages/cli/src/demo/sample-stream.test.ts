import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import type { Frame, Track } from '@sluice/base/media';
import type { StreamHub } from '@sluice/core/ports/media';
import { publishSample, readSample } from './sample-stream.ts';

describe('the built-in sample', () => {
  it('holds four seconds of H.264 and AAC', () => {
    const { tracks, frames, durationMs } = readSample();
    assert.deepEqual(tracks.map((track) => track.codec).toSorted(), ['aac', 'h264']);
    const video = tracks.find((track) => track.kind === 'video');
    assert.deepEqual([video?.width, video?.height], [480, 270]);
    assert.equal(frames.filter((frame) => frame.kind === 'video').length, 100);
    assert.ok(durationMs >= 4_000 && durationMs < 4_200, `${durationMs}`);
    assert.equal(frames.find((frame) => frame.kind === 'video')?.keyFrame, true);
  });

  it('is published in real time, in a loop without a step back', () => {
    const clock = new FakeClock();
    const tracks: Track[] = [];
    const frames: Frame[] = [];
    let ended = 0;
    const hub: StreamHub = {
      publish: () => ({
        setTrack: (track) => void tracks.push(track),
        tracksComplete() {},
        writeFrame: (frame) => void frames.push(frame),
        end() {
          ended += 1;
        },
      }),
    };
    const stop = publishSample(
      hub,
      { vhost: '__defaultVhost__', app: 'live', stream: 'demo', params: '' },
      clock,
    );
    assert.equal(tracks.length, 2);
    clock.advance(1_000);
    const afterOneSecond = frames.filter((frame) => frame.kind === 'video').length;
    assert.ok(afterOneSecond >= 25 && afterOneSecond <= 26, `${afterOneSecond}`);
    clock.advance(9_000);
    for (const kind of ['video', 'audio'] as const) {
      const stamps = frames.filter((frame) => frame.kind === kind).map((frame) => frame.dtsMs);
      assert.ok(stamps.every((stamp, index) => index === 0 || stamp > (stamps[index - 1] ?? 0)));
      assert.ok((stamps.at(-1) ?? 0) > 9_900);
    }
    stop();
    const written = frames.length;
    clock.advance(1_000);
    assert.equal(frames.length, written);
    assert.equal(ended, 1);
  });
});
