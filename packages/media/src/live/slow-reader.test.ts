import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { FlvDemuxer } from '@sluice/codec/flv/demuxer';
import { TAG_AUDIO, TAG_VIDEO } from '@sluice/codec/flv/tag';
import { parseVideoTag } from '@sluice/codec/flv/video-tag';
import { startTestPlane, type TestPlane } from '../testing/plane.ts';
import { TestRtmpClient } from '../testing/rtmp-client.ts';

const PICTURE_BYTES = 40_000;
const GOP_MS = 1000;
const LIMITS = { softBytes: 2_500_000, softSeconds: 0, hardBytes: 64 * 1024 * 1024, stallMs: 1500 };

type Picture = { readonly keyFrame: boolean; readonly timestampMs: number };

/** An HTTP-FLV reader that can stop reading. */
class Reader {
  readonly socket: Socket;
  readonly pictures: Picture[] = [];
  readonly #demuxer = new FlvDemuxer();
  readonly #hash = createHash('sha1');
  /** Tags from here on are hashed. */
  hashFromMs = Number.POSITIVE_INFINITY;
  lastAudioMs = -1;
  #inBody = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => this.socket.destroy());
    this.socket.write('GET /live/s.live.flv HTTP/1.1\r\nHost: x\r\n\r\n');
    this.socket.on('data', (bytes: Buffer) => {
      const from = this.#inBody ? 0 : bytes.indexOf('\r\n\r\n') + 4;
      this.#inBody = true;
      for (const event of this.#demuxer.push(bytes.subarray(from))) {
        if (event.type !== 'tag') continue;
        if (event.tag.timestampMs >= this.hashFromMs) this.#hash.update(event.tag.data);
        if (event.tag.type === TAG_AUDIO) this.lastAudioMs = event.tag.timestampMs;
        const video = event.tag.type === TAG_VIDEO ? parseVideoTag(event.tag.data) : undefined;
        if (video?.packet === 'frames') {
          this.pictures.push({ keyFrame: video.keyFrame, timestampMs: event.tag.timestampMs });
        }
      }
    });
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

describe('slow readers on real sockets', () => {
  let gateway: TestPlane;
  let publisher: TestRtmpClient;
  let nextGopMs = 0;
  let prompt: Reader[] = [];
  const readers: Reader[] = [];
  const join = () => {
    const reader = new Reader(gateway.httpPort);
    readers.push(reader);
    return reader;
  };

  const sendGop = async () => {
    publisher.sendGop(nextGopMs, PICTURE_BYTES);
    nextGopMs += GOP_MS;
    // This is far faster than any stream: wait for the readers that must not fall behind.
    do await new Promise((resolve) => setTimeout(resolve, 20));
    while (prompt.some(({ lastAudioMs, socket }) => lastAudioMs < nextGopMs - 40 && !socket.destroyed));
  };
  const sessionOf = (reader: Reader) =>
    gateway.plane.control.sessions({}).find(({ peerPort }) => peerPort === reader.socket.localPort);
  const until = async (condition: () => boolean, step: () => Promise<void>, what: string) => {
    for (let i = 0; i < 400; i++) {
      if (condition()) return;
      await step();
    }
    assert.fail(`never: ${what}`);
  };

  before(async () => {
    gateway = await startTestPlane({}, { slowReaders: LIMITS });
    publisher = new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 's');
    await publisher.started();
    publisher.sendTracks();
    await sendGop();
  });
  afterEach(() => {
    prompt = [];
    for (const reader of readers.splice(0)) reader.socket.destroy();
  });
  after(async () => {
    publisher.socket.destroy();
    await gateway.close();
  });

  test('one that stalls is sent on to a key frame when it reads again; others get everything', async () => {
    const quick = join();
    const witness = join();
    const slow = join();
    await until(() => readers.every(({ pictures }) => pictures.length > 0), sendGop, 'playing');
    prompt = [quick, witness];
    for (const reader of prompt) reader.hashFromMs = nextGopMs;
    slow.socket.pause();
    await until(() => (sessionOf(slow)?.skips ?? 0) > 0, sendGop, 'skipped');
    for (let i = 0; i < 3; i++) await sendGop();
    const shown = slow.pictures.length;
    slow.socket.resume();
    await until(
      () => slow.pictures.length > shown && (slow.pictures.at(-1)?.timestampMs ?? 0) >= nextGopMs - GOP_MS,
      sendGop,
      'caught up',
    );
    const gaps = slow.pictures.flatMap((picture, i) => {
      const stepMs = picture.timestampMs - (slow.pictures[i - 1]?.timestampMs ?? picture.timestampMs - 40);
      return stepMs === 40 ? [] : [picture];
    });
    assert.ok(gaps.length > 0, 'something was left out');
    assert.ok(
      gaps.every((picture) => picture.keyFrame),
      'every gap ends with a key frame',
    );
    assert.equal(quick.digest(), witness.digest());
    for (const reader of [quick, witness]) {
      for (let i = 1; i < reader.pictures.length; i++) {
        assert.equal((reader.pictures[i]?.timestampMs ?? 0) - (reader.pictures[i - 1]?.timestampMs ?? 0), 40);
      }
    }
  });

  test('one that never reads again is closed and counted', async () => {
    const dead = join();
    await until(() => dead.pictures.length > 0, sendGop, 'playing');
    dead.socket.pause();
    const closed = once(dead.socket, 'close');
    await until(() => (sessionOf(dead)?.skips ?? 0) > 0, sendGop, 'skipped');
    await until(() => sessionOf(dead) === undefined, sendGop, 'closed');
    dead.socket.resume();
    await closed;
    await until(
      () => gateway.plane.control.sources({ schema: 'rtmp' })[0]?.readerCount === 0,
      sendGop,
      'no longer counted',
    );
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.match((await gateway.metrics.expose()).text, /^sluice_media_viewer_slow_closes_total 1$/m);
    assert.deepEqual(gateway.errors, []);
  });
});
