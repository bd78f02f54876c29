import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AudioTrack, Frame, VideoTrack } from '@sluice/base/media';
import { ADTS_HEADER_BYTES, AdtsEncoder } from '@sluice/codec/aac/adts';
import { parseAudioSpecificConfig } from '@sluice/codec/aac/audio-specific-config';
import { SILENT_AAC_CONFIG, SILENT_AAC_FRAME } from '@sluice/codec/aac/silence';
import { encodeAacConfigTag, encodeAacFrameTag, parseAudioTag } from '@sluice/codec/flv/audio-tag';
import { FlvDemuxer } from '@sluice/codec/flv/demuxer';
import { encodeMetadataTag, metadataOf } from '@sluice/codec/flv/metadata';
import {
  encodeFlvHeader,
  encodeFlvTags,
  type FlvTag,
  TAG_AUDIO,
  TAG_SCRIPT,
  TAG_VIDEO,
} from '@sluice/codec/flv/tag';
import {
  encodeAvcConfigTag,
  encodeAvcFrameTag,
  frameFromVideoTag,
  parseVideoTag,
} from '@sluice/codec/flv/video-tag';
import { parseAvcConfig } from '@sluice/codec/h264/avc-config';
import { parseSps } from '@sluice/codec/h264/sps';
import { TsDemuxer } from '@sluice/codec/mpegts/demuxer';
import { TsMuxer } from '@sluice/codec/mpegts/muxer';
import { encodeRtmpMessages } from '@sluice/codec/rtmp/chunk-encoder';
import { type RtmpClientEvent, RtmpClientSession } from '@sluice/codec/rtmp/client-session';
import { RtmpServerSession } from '@sluice/codec/rtmp/server-session';

const CLIP = [
  ...[
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=320x180:rate=25',
    '-f',
    'lavfi',
    '-i',
    'sine=frequency=440:sample_rate=44100',
  ],
  ...['-t', '2', '-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'],
  ...['-c:a', 'aac', '-b:a', '64k', '-ac', '2', '-f', 'flv'],
];

const RUN_TIMEOUT_MS = 30_000;

type Run = { readonly code: number | null; readonly stdout: Buffer; readonly stderr: string };

async function run(program: string, args: readonly string[], input?: Uint8Array): Promise<Run> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: RUN_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined); // the program may stop reading early
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

type Probe = {
  readonly streams: readonly {
    codec_name: string;
    codec_type: string;
    width?: number;
    height?: number;
    sample_rate?: string;
  }[];
  readonly packets: readonly { codec_type: string; dts: number; pts: number; flags: string }[];
};

async function probe(format: string, bytes: Uint8Array): Promise<Probe> {
  const args = ['-v', 'error', '-f', format, '-show_streams', '-show_packets', '-of', 'json', 'pipe:0'];
  const result = await run('ffprobe', args, bytes);
  assert.equal(result.stderr, '');
  assert.equal(result.code, 0);
  return JSON.parse(result.stdout.toString()) as Probe;
}

/** Decodes everything; any complaint of the decoders fails the test. */
async function decode(format: string, bytes: Uint8Array): Promise<void> {
  const result = await run(
    'ffmpeg',
    ['-v', 'warning', '-xerror', '-f', format, '-i', 'pipe:0', '-f', 'null', '-'],
    bytes,
  );
  assert.equal(result.stderr, '');
  assert.equal(result.code, 0);
}

function assertMonotonic(result: Probe, kind: string, expected: number): void {
  const packets = result.packets.filter((packet) => packet.codec_type === kind);
  assert.equal(packets.length, expected);
  for (const [index, packet] of packets.entries()) {
    assert.ok(packet.dts <= packet.pts);
    if (index > 0) assert.ok(packet.dts > packets[index - 1]!.dts, `dts ${packet.dts} of ${kind} ${index}`);
  }
}

type Media = { readonly video: VideoTrack; readonly audio: AudioTrack; readonly frames: readonly Frame[] };

function mediaOf(tags: readonly FlvTag[]): Media {
  let video: VideoTrack | undefined;
  let audio: AudioTrack | undefined;
  let lengthBytes = 4;
  const frames: Frame[] = [];
  for (const tag of tags) {
    if (tag.type === TAG_VIDEO) {
      const parsed = parseVideoTag(tag.data);
      assert.equal(parsed.codec, 'h264');
      if (parsed.packet === 'config') {
        const config = parseAvcConfig(parsed.payload);
        const sps = parseSps(config.sps[0]!)!;
        lengthBytes = config.lengthBytes;
        video = {
          kind: 'video',
          codec: 'h264',
          width: sps.width,
          height: sps.height,
          fps: sps.fps,
          config: parsed.payload,
        };
      } else if (parsed.packet === 'frames')
        frames.push(frameFromVideoTag(parsed, tag.timestampMs, lengthBytes));
    } else if (tag.type === TAG_AUDIO) {
      const parsed = parseAudioTag(tag.data);
      if (parsed.packet === 'config') {
        const { sampleRate, channels } = parseAudioSpecificConfig(parsed.payload);
        audio = { kind: 'audio', codec: 'aac', sampleRate, channels, config: parsed.payload };
      } else {
        frames.push({
          kind: 'audio',
          dtsMs: tag.timestampMs,
          ptsMs: tag.timestampMs,
          keyFrame: true,
          data: parsed.payload,
        });
      }
    }
  }
  assert.ok(video !== undefined && audio !== undefined);
  return { video, audio, frames };
}

function muxTs({ video, audio, frames }: Media): Buffer {
  const muxer = new TsMuxer({ video, audio });
  return Buffer.concat(frames.map((frame) => muxer.muxFrame(frame)));
}

/** Serves one stream: the first publisher's tags are kept and given to every player. */
class TinyRtmpServer {
  readonly server: Server = createServer((socket) => this.#serve(socket));
  readonly tags: FlvTag[] = [];
  readonly log: string[] = [];
  readonly published: Promise<void>;
  #resolvePublished: () => void = () => undefined;

  constructor() {
    this.published = new Promise((resolve) => {
      this.#resolvePublished = resolve;
    });
  }

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `rtmp://127.0.0.1:${(this.server.address() as AddressInfo).port}/live/cam?token=secret`;
  }

  #serve(socket: Socket): void {
    const session = new RtmpServerSession();
    socket.on('error', (error) => {
      // FFmpeg closes without reading our last replies, which may reset the connection.
      if (this.log.at(-1) !== 'unpublish') this.log.push(error.message);
    });
    socket.on('close', () => this.#resolvePublished());
    socket.on('data', (chunk: Buffer) => {
      for (let events = session.feed(chunk); events.length > 0; events = session.resume()) {
        for (const event of events) {
          if (event.type === 'media' || event.type === 'metadata') {
            this.tags.push(event.tag);
            continue;
          }
          this.log.push(event.type);
          if (event.type === 'publish') {
            assert.deepEqual(
              { ...event },
              { type: 'publish', app: 'live', stream: 'cam', params: 'token=secret' },
            );
            session.acceptPublish();
          } else if (event.type === 'play') {
            session.acceptPlay();
            socket.write(session.takeOutput()!);
            socket.write(encodeRtmpMessages(this.tags));
            session.endPlay();
          }
        }
      }
      const output = session.takeOutput();
      if (output !== undefined) socket.write(output);
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Connects as soon as FFmpeg listens. */
async function dial(port: number): Promise<Socket> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (attempt === 100) throw error;
      await delay(50);
    }
  }
}

/** Runs our client against `url` until the connection ends. */
async function converse(
  url: string,
  mode: 'play' | 'publish',
  act: (event: RtmpClientEvent, session: RtmpClientSession, socket: Socket) => void,
): Promise<void> {
  const { port } = new URL(url);
  const session = new RtmpClientSession({
    mode,
    app: 'live',
    stream: 'cam',
    tcUrl: url.replace(/\/cam$/, ''),
  });
  const socket = await dial(Number(port));
  const closed = once(socket, 'close');
  socket.on('error', () => undefined); // the peer may reset after its last message
  socket.setTimeout(RUN_TIMEOUT_MS, () => socket.destroy());
  const flush = () => {
    const output = session.takeOutput();
    if (output !== undefined && socket.writable) socket.write(output);
  };
  socket.on('data', (chunk: Buffer) => {
    for (const event of session.feed(chunk)) act(event, session, socket);
    flush();
  });
  flush();
  await closed;
}

describe('codecs against FFmpeg', () => {
  let source: Buffer;
  let media: Media;

  before(async () => {
    const clip = await run('ffmpeg', ['-v', 'error', ...CLIP, 'pipe:1']);
    assert.equal(clip.code, 0, clip.stderr);
    source = clip.stdout;
    const tags = new FlvDemuxer().push(source).flatMap((event) => (event.type === 'tag' ? [event.tag] : []));
    media = mediaOf(tags);
  });

  test('reads the tracks and frames of an FLV clip', () => {
    assert.equal(media.video.width, 320);
    assert.equal(media.video.height, 180);
    assert.equal(media.video.fps, 25);
    assert.equal(media.audio.sampleRate, 44100);
    assert.equal(media.audio.channels, 2);
    assert.equal(media.frames.filter((frame) => frame.kind === 'video').length, 50);
    assert.equal(media.frames.filter((frame) => frame.kind === 'video' && frame.keyFrame).length, 2);
  });

  test('transport stream from the muxer is read and decoded without complaint', async () => {
    const ts = muxTs(media);
    assert.equal(ts.length % 188, 0);
    const result = await probe('mpegts', ts);
    const video = result.streams.find((stream) => stream.codec_type === 'video');
    assert.deepEqual([video?.codec_name, video?.width, video?.height], ['h264', 320, 180]);
    const audio = result.streams.find((stream) => stream.codec_type === 'audio');
    assert.deepEqual([audio?.codec_name, audio?.sample_rate], ['aac', '44100']);
    assertMonotonic(result, 'video', 50);
    assertMonotonic(result, 'audio', media.frames.filter((frame) => frame.kind === 'audio').length);
    await decode('mpegts', ts);
  });

  test('transport stream goes on over the 33-bit wrap', async () => {
    const wrapMs = Math.floor(2 ** 33 / 90) - 1000;
    const frames = media.frames.map((frame) => ({
      ...frame,
      dtsMs: frame.dtsMs + wrapMs,
      ptsMs: frame.ptsMs + wrapMs,
    }));
    const result = await probe('mpegts', muxTs({ ...media, frames }));
    assertMonotonic(result, 'video', 50);
  });

  test('a transport stream of FFmpeg gives the same access units', async () => {
    const copy = await run(
      'ffmpeg',
      ['-v', 'error', '-f', 'flv', '-i', 'pipe:0', '-c', 'copy', '-f', 'mpegts', 'pipe:1'],
      source,
    );
    assert.equal(copy.code, 0, copy.stderr);
    const demuxer = new TsDemuxer();
    const events = [...demuxer.push(copy.stdout), ...demuxer.flush()];
    assert.equal(events.filter((event) => event.type === 'gap').length, 0);
    const video = events.flatMap((event) =>
      event.type === 'pes' && event.pes.streamType === 0x1b ? [event.pes] : [],
    );
    assert.equal(video.length, 50);
    assert.equal(video.filter((pes) => pes.randomAccess).length, 2);
  });

  test('FLV written from frames is read and decoded without complaint', async () => {
    const tags = [
      encodeMetadataTag(metadataOf(media, 'sluice')),
      encodeAvcConfigTag(media.video.config),
      encodeAacConfigTag(media.audio.config),
      ...media.frames.map((frame) =>
        frame.kind === 'video' ? encodeAvcFrameTag(frame) : encodeAacFrameTag(frame),
      ),
    ];
    const flv = Buffer.concat([encodeFlvHeader({ video: true, audio: true }), encodeFlvTags(tags)]);
    const result = await probe('flv', flv);
    assert.deepEqual(result.streams.map((stream) => stream.codec_name).sort(), ['aac', 'h264']);
    assertMonotonic(result, 'video', 50);
    await decode('flv', flv);
  });

  test('the silent frame decodes as AAC at 8000 Hz', async () => {
    const adts = new AdtsEncoder(SILENT_AAC_CONFIG);
    const frame = Buffer.concat([adts.header(SILENT_AAC_FRAME.length), SILENT_AAC_FRAME]);
    assert.equal(frame.length, ADTS_HEADER_BYTES + 4);
    const stream = Buffer.concat(Array.from({ length: 20 }, () => frame));
    const decoded = await run(
      'ffmpeg',
      ['-v', 'warning', '-f', 'aac', '-i', 'pipe:0', '-f', 's16le', 'pipe:1'],
      stream,
    );
    assert.equal(decoded.stderr, '');
    assert.equal(decoded.stdout.length, 20 * 1024 * 2);
    assert.ok(decoded.stdout.every((byte) => byte === 0));
  });

  describe('RTMP', () => {
    const rtmp = new TinyRtmpServer();
    after(() => rtmp.server.close());

    test('FFmpeg publishes through the complex handshake and plays what it published', async () => {
      const url = await rtmp.listen();
      const publish = await run('ffmpeg', ['-v', 'error', ...CLIP, url]);
      assert.equal(publish.stderr, '');
      assert.equal(publish.code, 0);
      await rtmp.published;
      assert.deepEqual(rtmp.log, ['connect', 'publish', 'unpublish']);
      assert.equal(mediaOf(rtmp.tags).frames.filter((frame) => frame.kind === 'video').length, 50);

      const play = await run('ffmpeg', ['-v', 'error', '-i', url, '-c', 'copy', '-f', 'flv', 'pipe:1']);
      assert.equal(play.code, 0, play.stderr);
      const result = await probe('flv', play.stdout);
      assertMonotonic(result, 'video', 50);
    });

    test('our client publishes to FFmpeg and plays from FFmpeg', async () => {
      const tags = new FlvDemuxer()
        .push(source)
        .flatMap((event) => (event.type === 'tag' && event.tag.type !== TAG_SCRIPT ? [event.tag] : []));
      const url = `rtmp://127.0.0.1:${await freePort()}/live/cam`;
      const receiver = run('ffmpeg', [
        '-v',
        'error',
        '-listen',
        '1',
        '-i',
        url,
        '-c',
        'copy',
        '-f',
        'flv',
        'pipe:1',
      ]);
      await converse(url, 'publish', (event, session, socket) => {
        if (event.type !== 'started') return;
        session.sendTags(tags);
        session.endStream();
        socket.end(session.takeOutput() ?? '');
      });
      const received = await receiver;
      assert.equal(received.code, 0, received.stderr);
      assertMonotonic(await probe('flv', received.stdout), 'video', 50);

      const other = `rtmp://127.0.0.1:${await freePort()}/live/cam`;
      const sender = run(
        'ffmpeg',
        ['-v', 'error', '-f', 'flv', '-i', 'pipe:0', '-c', 'copy', '-f', 'flv', '-listen', '1', other],
        source,
      );
      const played: FlvTag[] = [];
      await converse(other, 'play', (event) => {
        if (event.type === 'media') played.push(event.tag);
      });
      await sender;
      assert.equal(mediaOf(played).frames.filter((frame) => frame.kind === 'video').length, 50);
    });
  });
});
