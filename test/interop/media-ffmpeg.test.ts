import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { FlvDemuxer } from '@sluice/codec/flv/demuxer';
import { TAG_AUDIO, TAG_VIDEO } from '@sluice/codec/flv/tag';
import { parseVideoTag } from '@sluice/codec/flv/video-tag';
import { startTestPlane, type TestPlane } from '@sluice/media/testing/plane';

const run = promisify(execFile);
const hasFfmpeg = (() => {
  try {
    execFileSync('ffmpeg', ['-version'], { stdio: 'ignore' });
    execFileSync('ffprobe', ['-version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
})();

const FPS = 25;
const GOP = 50;

/** Publishes a 720p test picture and a tone until it is killed. */
function publish(gateway: TestPlane, stream: string): ChildProcess {
  return spawn(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-re'],
      ...[
        '-f',
        'lavfi',
        '-i',
        `testsrc=size=1280x720:rate=${FPS}`,
        '-re',
        '-f',
        'lavfi',
        '-i',
        'sine=frequency=440',
      ],
      ...[
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        '-g',
        String(GOP),
        '-keyint_min',
        String(GOP),
        '-bf',
        '2',
      ],
      ...[
        '-sc_threshold',
        '0',
        '-b:v',
        '1M',
        '-threads',
        '1',
        '-pix_fmt',
        'yuv420p',
        '-c:a',
        'aac',
        '-ac',
        '2',
      ],
      ...['-f', 'flv', `rtmp://127.0.0.1:${gateway.rtmpPort}/live/${stream}?key=value`],
    ],
    { stdio: 'ignore' },
  );
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

async function eventually(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`never: ${what}`);
}

type Probe = {
  readonly streams: readonly Record<string, string | number>[];
  readonly packets: readonly {
    readonly stream_index: number;
    readonly dts_time?: string;
    readonly flags: string;
  }[];
};

async function probe(url: string): Promise<Probe> {
  const { stdout } = await run('ffprobe', [
    ...['-loglevel', 'error', '-show_streams', '-show_packets', '-read_intervals', '%+3', '-of', 'json', url],
  ]);
  return JSON.parse(stdout) as Probe;
}

function assertPlayable({ streams, packets }: Probe): void {
  const video = streams.find((stream) => stream['codec_type'] === 'video');
  const audio = streams.find((stream) => stream['codec_type'] === 'audio');
  assert.equal(video?.['codec_name'], 'h264');
  assert.equal(video?.['width'], 1280);
  assert.equal(video?.['height'], 720);
  assert.equal(audio?.['codec_name'], 'aac');
  assert.equal(Number(audio?.['sample_rate']), 44100);
  assert.equal(audio?.['channels'], 2);
  assert.ok(packets.length > FPS);
  const last = new Map<number, number>();
  for (const packet of packets) {
    const dts = Number(packet.dts_time);
    assert.ok(dts >= (last.get(packet.stream_index) ?? Number.NEGATIVE_INFINITY), `dts ${dts} went back`);
    last.set(packet.stream_index, dts);
  }
  const firstVideo = packets.find((packet) => packet.stream_index === video?.['index']);
  assert.match(firstVideo?.flags ?? '', /^K/, 'starts with a key frame');
}

/** Between which stream timestamps bytes count; readers share one object. */
type Markers = { fromMs: number; toMs: number };

/** Reads HTTP-FLV over a bare socket and hashes every tag between two video timestamps. */
class HashingReader {
  readonly socket: Socket;
  readonly tags: string[] = [];
  readonly #markers: Markers;
  readonly #hash = createHash('sha1');
  readonly #demuxer = new FlvDemuxer();
  #head = Buffer.alloc(0);
  #inBody = false;
  #started = false;
  bytes = 0;
  digest = '';

  constructor(port: number, stream: string, markers: Markers) {
    this.#markers = markers;
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => this.socket.destroy());
    this.socket.write(`GET /live/${stream}.live.flv HTTP/1.1\r\nHost: x\r\n\r\n`);
    this.socket.on('data', (bytes: Buffer) => this.#received(bytes));
  }

  get started(): boolean {
    return this.#started;
  }

  #received(bytes: Buffer): void {
    if (this.digest !== '') return;
    let body = bytes;
    if (!this.#inBody) {
      this.#head = Buffer.concat([this.#head, bytes]);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#inBody = true;
      body = this.#head.subarray(end + 4);
    }
    for (const event of this.#demuxer.push(body)) {
      if (event.type !== 'tag' || (event.tag.type !== TAG_VIDEO && event.tag.type !== TAG_AUDIO)) continue;
      const { tag } = event;
      if (tag.type === TAG_VIDEO && parseVideoTag(tag.data).packet === 'frames' && !this.#started) {
        this.#started = true;
      }
      if (tag.timestampMs >= this.#markers.toMs && tag.type === TAG_VIDEO) {
        this.digest = this.#hash.digest('hex');
        return;
      }
      if (tag.timestampMs < this.#markers.fromMs) continue;
      this.bytes += tag.data.byteLength;
      this.#hash.update(`${tag.type} ${tag.timestampMs} `).update(tag.data);
    }
  }
}

describe('live media with ffmpeg', { skip: hasFfmpeg ? false : 'ffmpeg is not installed' }, () => {
  let gateway: TestPlane;
  let publisher: ChildProcess;

  before(async () => {
    gateway = await startTestPlane({ hls: { segDur: 1 } });
    publisher = publish(gateway, 'test');
    await eventually(() => gateway.plane.control.sources({ schema: 'hls' }).length === 1, 'HLS on line');
  });
  after(async () => {
    await kill(publisher, 'SIGTERM');
    await gateway.close();
    assert.deepEqual(gateway.errors, []);
  });

  test('ffprobe reads RTMP', async () => {
    assertPlayable(await probe(`rtmp://127.0.0.1:${gateway.rtmpPort}/live/test`));
  });

  test('ffprobe reads HTTP-FLV', async () => {
    assertPlayable(await probe(`http://127.0.0.1:${gateway.httpPort}/live/test.live.flv`));
  });

  test('ffprobe reads HLS', async () => {
    assertPlayable(await probe(`http://127.0.0.1:${gateway.httpPort}/live/test/hls.m3u8`));
  });

  test('WS-FLV carries the same FLV in binary messages', async () => {
    const webSocket = new WebSocket(`ws://127.0.0.1:${gateway.httpPort}/live/test.live.flv`);
    webSocket.binaryType = 'arraybuffer';
    const chunks: Buffer[] = [];
    let bytes = 0;
    webSocket.addEventListener('message', ({ data }) => {
      assert.ok(data instanceof ArrayBuffer, 'a binary message');
      chunks.push(Buffer.from(data));
      bytes += data.byteLength;
    });
    await eventually(() => bytes > 400_000, 'enough media');
    const closed = new Promise((resolve) => webSocket.addEventListener('close', resolve));
    webSocket.close();
    await closed;
    const ffprobe = spawn('ffprobe', [
      '-loglevel',
      'error',
      '-show_streams',
      '-show_packets',
      '-of',
      'json',
      '-i',
      'pipe:0',
    ]);
    const output: Buffer[] = [];
    ffprobe.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    ffprobe.stdin.end(Buffer.concat(chunks));
    await once(ffprobe, 'close');
    assertPlayable(JSON.parse(Buffer.concat(output).toString()) as Probe);
  });

  test('the control API knows codecs, size and rates', async () => {
    await eventually(
      () => (gateway.plane.control.sources({ schema: 'rtmp' })[0]?.bytesPerSecond ?? 0) > 0,
      'a rate',
    );
    const [source] = gateway.plane.control.sources({ schema: 'rtmp' });
    assert.equal(source?.params, 'key=value');
    assert.equal(source?.originTypeName, 'rtmp_push');
    assert.equal(source?.originUrl, 'rtmp://__defaultVhost__/live/test?key=value');
    const video = source?.tracks.find(({ kind }) => kind === 'video');
    assert.deepEqual([video?.codecName, video?.width, video?.height, video?.fps], ['H264', 1280, 720, FPS]);
    assert.equal(video?.gopSize, GOP);
    const audio = source?.tracks.find(({ kind }) => kind === 'audio');
    assert.deepEqual([audio?.codecName, audio?.sampleRate, audio?.channels], ['mpeg4-generic', 44100, 2]);
  });

  test('the first picture of HTTP-FLV comes with the first bytes', async (t) => {
    const socket = connect(gateway.httpPort, '127.0.0.1');
    const demuxer = new FlvDemuxer();
    const startedMs = performance.now();
    socket.write('GET /live/test.live.flv HTTP/1.1\r\nHost: x\r\n\r\n');
    const kinds: string[] = [];
    let head = Buffer.alloc(0);
    let body = false;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      let bytes = chunk;
      if (!body) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) continue;
        body = true;
        bytes = head.subarray(end + 4);
      }
      for (const event of demuxer.push(bytes)) {
        if (event.type !== 'tag' || event.tag.type !== TAG_VIDEO) continue;
        const video = parseVideoTag(event.tag.data);
        kinds.push(video.packet === 'frames' && video.keyFrame ? 'key' : video.packet);
      }
      if (kinds.length >= 2) break;
    }
    t.diagnostic(`first picture after ${Math.round(performance.now() - startedMs)} ms`);
    assert.deepEqual(kinds.slice(0, 2), ['config', 'key']);
  });

  test('500 HTTP-FLV readers get every byte', async () => {
    const markers = { fromMs: Number.POSITIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
    const readers = Array.from({ length: 500 }, () => new HashingReader(gateway.httpPort, 'test', markers));
    await eventually(() => readers.every((reader) => reader.started), 'all readers play');
    // The first marker lies ahead of everything that was sent so far, whoever has read how much of it.
    const nowMs = gateway.plane.control.sources({ schema: 'rtmp' })[0]?.currentStampMs ?? 0;
    markers.fromMs = nowMs + 500;
    markers.toMs = nowMs + 3500;
    await eventually(
      () => readers.every((reader) => reader.digest !== ''),
      'all readers passed the second marker',
    );
    for (const reader of readers) reader.socket.destroy();
    assert.equal(new Set(readers.map((reader) => reader.digest)).size, 1);
    assert.ok((readers[0]?.bytes ?? 0) > 100_000);
    await eventually(
      () => gateway.plane.control.sources({ schema: 'rtmp' })[0]?.readerCount === 0,
      'readers gone',
    );
  });

  test('a publisher killed with SIGKILL comes back and its viewers go on', async () => {
    const first = publish(gateway, 'crash');
    await eventually(() => gateway.plane.control.sources({ stream: 'crash' }).length > 0, 'on line');
    const socket = connect(gateway.httpPort, '127.0.0.1');
    const demuxer = new FlvDemuxer();
    const stamps: number[] = [];
    let head = true;
    socket.on('data', (bytes: Buffer) => {
      const from = head ? bytes.indexOf('\r\n\r\n') + 4 : 0;
      head = false;
      for (const event of demuxer.push(bytes.subarray(from))) {
        if (event.type !== 'tag' || event.tag.type !== TAG_VIDEO) continue;
        if (parseVideoTag(event.tag.data).packet === 'frames') stamps.push(event.tag.timestampMs);
      }
    });
    socket.write('GET /live/crash.live.flv HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => stamps.length > FPS, 'playing');
    await kill(first, 'SIGKILL');
    await eventually(
      () => gateway.plane.control.sources({ stream: 'crash' })[0]?.originType === 0,
      'noticed',
    );
    const before = stamps.length;
    const second = publish(gateway, 'crash');
    await eventually(() => stamps.length > before + FPS, 'playing again on the same connection');
    socket.destroy();
    await kill(second, 'SIGTERM');
    for (let i = 1; i < stamps.length; i++) {
      const step = (stamps[i] ?? 0) - (stamps[i - 1] ?? 0);
      assert.ok(step >= 0 && step <= 300, `step of ${step} ms at picture ${i}`);
    }
    assert.equal(
      gateway.changes.filter(({ stream, online }) => stream === 'crash' && !online).length <= 2,
      true,
    );
  });
});
