import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import type { Frame } from '@sluice/base/media';
import { encodeAudioSpecificConfig } from '@sluice/codec/aac/audio-specific-config';
import type { MediaTuple } from '@sluice/core/ports/media';
import { DEFAULT_SLOW_READER_LIMITS } from '../live/limits.ts';
import type { OutputFormat } from '../live/output-format.ts';
import { audioFrame, audioTrack, testOrigin, videoFrame, videoTrack } from '../testing/frames.ts';
import { recordingLogger } from '../testing/plane.ts';
import { FakeSocket } from '../testing/viewer-socket.ts';
import type { StreamOptions } from './stream-options.ts';
import { StreamRegistry } from './stream-registry.ts';
import { createTuple, isValidName } from './tuple.ts';

const tuple: MediaTuple = createTuple('live', 'a', '');

const DEFAULTS: StreamOptions = {
  stampMode: 2,
  enableAudio: true,
  addMuteAudio: false,
  autoClose: false,
  continuePushMs: 15_000,
  enableRtmp: true,
  enableHls: false,
  hlsDemand: false,
  waitTrackReadyMs: 10_000,
  waitAddTrackMs: 3000,
  unreadyFrames: 100,
  hls: { segmentMs: 2000, listedSegments: 3, retainedSegments: 5, fastRegister: false },
};

/** Writes `V0!` for a key picture at 0 ms, `A20` for audio at 20 ms. */
const textFormat: OutputFormat = {
  name: 'text',
  encodePreamble: (tracks) => Buffer.from(`<${tracks.video ? 'v' : ''}${tracks.audio ? 'a' : ''}>`),
  encodeTags: (tags) =>
    Buffer.from(tags.map((tag) => `${tag.type === 9 ? 'V' : 'A'}${tag.timestampMs} `).join('')),
};

function setUp(options: Partial<StreamOptions> = {}) {
  const clock = new FakeClock();
  const registry = new StreamRegistry({
    clock,
    log: recordingLogger(),
    streamOptions: () => ({ ...DEFAULTS, ...options }),
    limits: DEFAULT_SLOW_READER_LIMITS,
    counters: { bytesOut: 0, skips: 0, slowCloses: 0 },
    leastMergeMs: () => 0,
    unwatchedLimitMs: () => 20_000,
  });
  const changes: string[] = [];
  registry.onChange(({ stream, schema, online }) =>
    changes.push(`${online ? '+' : '-'}${schema} ${stream.tuple.stream}`),
  );
  const origin = testOrigin();
  const watch = () => {
    const socket = new FakeSocket();
    const stream = registry.find(tuple);
    assert.ok(stream !== undefined);
    const attachment = stream.attach(textFormat, socket, socket, () => ({
      id: '1',
      localIp: '',
      localPort: 0,
      peerIp: '',
      peerPort: 0,
      typeId: 'test',
    }));
    return { socket, attachment, stream };
  };
  return { clock, registry, changes, origin, watch };
}

test('a stream goes on line as soon as both tracks are there, with what came before', () => {
  const { registry, changes, origin, watch } = setUp();
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  publication.writeFrame(videoFrame(100, true));
  publication.writeFrame(videoFrame(140, false));
  assert.deepEqual(changes, []);
  publication.setTrack(audioTrack);
  assert.deepEqual(changes, ['+rtmp a']);
  assert.equal(watch().socket.text, '<va>V0 V40 ');
});

test('a single track waits for a second one, unless the set is declared complete', () => {
  const first = setUp();
  first.registry.publish(tuple, first.origin).setTrack(videoTrack);
  first.clock.advance(2999);
  assert.deepEqual(first.changes, []);
  first.clock.advance(1);
  assert.deepEqual(first.changes, ['+rtmp a']);
  const second = setUp();
  const publication = second.registry.publish(tuple, second.origin);
  publication.setTrack(audioTrack);
  publication.tracksComplete();
  assert.deepEqual(second.changes, ['+rtmp a']);
});

test('a publisher without any usable track is closed', () => {
  const { clock, registry, changes, origin } = setUp();
  registry.publish(tuple, origin).writeFrame(videoFrame(0, true));
  clock.advance(10_000);
  assert.deepEqual(origin.closedFor, ['no valid track data']);
  assert.equal(registry.size, 0);
  assert.deepEqual(changes, []);
});

test('frames that wait for the tracks are bounded, the oldest go', () => {
  const { registry, origin, watch } = setUp({ unreadyFrames: 5 });
  const publication = registry.publish(tuple, origin);
  publication.setTrack(audioTrack);
  for (let i = 0; i < 1000; i++) publication.writeFrame(audioFrame(i * 20));
  publication.tracksComplete();
  const { stream } = watch();
  assert.equal(stream.trackStates[0]?.view().frames, 10);
});

test('large frames that wait for the tracks are bounded in bytes, too', () => {
  const { registry, origin, watch } = setUp();
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  for (let i = 0; i < 20; i++) publication.writeFrame(videoFrame(i * 40, true, 4 * 1024 * 1024));
  publication.tracksComplete();
  assert.equal(watch().stream.trackStates[0]?.view().frames, 4);
});

test('slow pictures that wait for the tracks keep their distance', () => {
  const { clock, registry, origin, watch } = setUp();
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  for (let i = 0; i < 3; i++, clock.advance(500)) publication.writeFrame(videoFrame(i * 500, i === 0));
  publication.setTrack(audioTrack);
  assert.equal(watch().socket.text, '<va>V0 V500 V1000 ');
});

test('a producer that takes over in the middle of a GOP is heard at once and seen from its first key frame', () => {
  const { registry, origin, watch } = setUp({ stampMode: 0 });
  const first = registry.publish(tuple, origin);
  first.setTrack(videoTrack);
  first.setTrack(audioTrack);
  first.writeFrame(videoFrame(0, true));
  first.end(false);
  const second = registry.publish(tuple, testOrigin());
  second.setTrack(videoTrack);
  second.setTrack(audioTrack);
  second.writeFrame(videoFrame(40, false));
  second.writeFrame(audioFrame(50));
  second.writeFrame(videoFrame(80, true));
  second.writeFrame(videoFrame(120, false));
  assert.equal(watch().stream.trackStates[0]?.view().frames, 3);
  second.end(true);
});

test('the tuple has one live producer; a lost one may be replaced, a graceful end may not be waited for', () => {
  const { clock, registry, changes, origin, watch } = setUp();
  const first = registry.publish(tuple, origin);
  first.setTrack(videoTrack);
  first.tracksComplete();
  first.writeFrame(videoFrame(0, true));
  assert.throws(() => registry.publish(tuple, testOrigin()), { kind: 'conflict' });
  const { socket } = watch();
  first.end(false);
  clock.advance(14_000);
  first.writeFrame(videoFrame(40, false));
  const second = registry.publish(tuple, testOrigin());
  second.setTrack(videoTrack);
  second.writeFrame(videoFrame(777_000, true));
  assert.equal(registry.streams().length, 1);
  first.end(true);
  assert.equal(registry.size, 1, 'the old producer has no say any more');
  second.end(true);
  assert.equal(socket.fate, 'ended');
  assert.match(socket.text, /^<v>V0 V0 $/);
  assert.deepEqual(changes, ['+rtmp a', '-rtmp a']);
  clock.advance(60_000);
  assert.deepEqual(changes, ['+rtmp a', '-rtmp a']);
});

test('nobody comes back: the stream ends after the grace, readers are let go', () => {
  const { clock, registry, changes, origin, watch } = setUp();
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  publication.tracksComplete();
  const { socket, stream } = watch();
  publication.end(false);
  assert.equal(stream.origin, undefined);
  clock.advance(15_000);
  assert.equal(socket.fate, 'ended');
  assert.deepEqual(changes, ['+rtmp a', '-rtmp a']);
  assert.equal(registry.size, 0);
});

test('players wait for a stream, at most so long', async () => {
  const { clock, registry, origin } = setUp();
  const never = new AbortController();
  const found = registry.waitFor(tuple, 'rtmp', 15_000, never.signal);
  const other = registry.waitFor({ ...tuple, stream: 'b' }, 'rtmp', 15_000, never.signal);
  const gone = new AbortController();
  const aborted = registry.waitFor({ ...tuple, stream: 'c' }, 'rtmp', 15_000, gone.signal);
  gone.abort();
  assert.equal(await aborted, undefined);
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  publication.tracksComplete();
  assert.equal((await found)?.tuple, tuple);
  clock.advance(15_000);
  assert.equal(await other, undefined);
});

test('auto_close ends a stream nobody watches, and only then', () => {
  const { clock, registry, origin, watch } = setUp({ autoClose: true });
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  publication.tracksComplete();
  clock.advance(15_000);
  const { attachment } = watch();
  clock.advance(60_000);
  assert.equal(registry.size, 1);
  attachment.leave();
  attachment.leave();
  clock.advance(19_000);
  assert.equal(registry.size, 1);
  clock.advance(2000);
  assert.equal(registry.size, 0);
  assert.deepEqual(origin.closedFor, ['nobody watches']);
});

test('a stream without audio gets silence that follows its pictures', () => {
  const { registry, origin, watch } = setUp({ addMuteAudio: true });
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  publication.tracksComplete();
  const { socket, stream } = watch();
  for (let i = 0; i < 10; i++) publication.writeFrame(videoFrame(i * 100, i === 0));
  assert.equal(stream.tracks.audio?.sampleRate, 8000);
  publication.end(true);
  assert.match(socket.text, /^<va>V0 A0 V100 V200 A128 V300 A256 V400 A384 /);
});

test('changed parameters reach viewers in the middle of a stream, and those who wait for a key frame', async () => {
  const { registry, origin, watch } = setUp();
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  publication.tracksComplete();
  const watching = watch();
  publication.writeFrame(videoFrame(0, true));
  await Promise.resolve();
  publication.setTrack(videoTrack);
  publication.setTrack({ ...videoTrack, config: Buffer.concat([videoTrack.config, Buffer.of(0)]) });
  const waiting = watch();
  publication.writeFrame(videoFrame(40, true));
  publication.writeFrame(videoFrame(80, false));
  publication.end(true);
  assert.equal(watching.socket.text, '<v>V0 V0 V0 V40 V80 ');
  assert.equal(waiting.socket.text, '<v>V0 V40 V80 ');
});

test('a track that HLS cannot carry costs this schema, which is unregistered once', () => {
  const { registry, changes, origin } = setUp({ enableHls: true });
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  publication.setTrack(audioTrack);
  for (let dtsMs = 0; dtsMs <= 4000; dtsMs += 200)
    publication.writeFrame(videoFrame(dtsMs, dtsMs % 2000 === 0));
  const config = encodeAudioSpecificConfig({ objectType: 2, sampleRate: 12_345, channels: 2 });
  publication.setTrack({ ...audioTrack, sampleRate: 12_345, config });
  assert.deepEqual(changes, ['+rtmp a', '+hls a', '-hls a']);
  publication.end(true);
  assert.deepEqual(changes, ['+rtmp a', '+hls a', '-hls a', '-rtmp a']);
});

test('an oversized frame is dropped', () => {
  const { registry, origin, watch } = setUp();
  const publication = registry.publish(tuple, origin);
  publication.setTrack(videoTrack);
  publication.tracksComplete();
  publication.writeFrame(videoFrame(0, true, 9 * 1024 * 1024) satisfies Frame);
  assert.equal(watch().stream.trackStates[0]?.view().frames, 0);
});

test('names that could leave a directory or confuse a reader are refused', () => {
  for (const name of [
    '',
    '..',
    'a/../b',
    'a//b',
    '/a',
    'a/',
    'a\\b',
    'a\u0000',
    'a\n',
    '.',
    'x'.repeat(513),
  ]) {
    assert.equal(isValidName(name), false, JSON.stringify(name));
  }
  for (const name of ['a', 'a/b', 'a.b-c_d', '测试', 'a b', '...'])
    assert.equal(isValidName(name), true, name);
  assert.throws(() => createTuple('a/b', 'c', ''), { code: 'media.name' });
  assert.throws(
    () => createTuple('a', 'x'.repeat(60_000), ''),
    (error: Error) => error.message.length < 200,
  );
});
