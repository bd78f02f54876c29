import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { FlvDemuxer, type FlvEvent } from '@sluice/codec/flv/demuxer';
import { TAG_VIDEO } from '@sluice/codec/flv/tag';
import { parseVideoTag } from '@sluice/codec/flv/video-tag';
import { WebSocket } from 'ws';
import { startTestPlane, type TestPlane } from './testing/plane.ts';
import { TestRtmpClient } from './testing/rtmp-client.ts';

let gateway: TestPlane;
const open: (() => void)[] = [];

async function publish(stream: string): Promise<TestRtmpClient> {
  const client = new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', stream);
  open.push(() => client.socket.destroy());
  await client.started();
  client.sendTracks();
  return client;
}

function play(stream: string): TestRtmpClient {
  const client = new TestRtmpClient(gateway.rtmpPort, 'play', 'live', stream);
  open.push(() => client.socket.destroy());
  return client;
}

async function eventually(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`never: ${what}`);
}

/** An HTTP-FLV player on a bare socket. */
class FlvPlayer {
  readonly socket: Socket;
  readonly events: FlvEvent[] = [];
  head = '';
  readonly #demuxer = new FlvDemuxer();

  constructor(path: string, headers = '') {
    this.socket = connect(gateway.httpPort, '127.0.0.1');
    open.push(() => this.socket.destroy());
    this.socket.on('error', () => this.socket.destroy());
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
    this.socket.on('data', (bytes: Buffer) => this.#received(bytes));
  }

  #received(bytes: Buffer): void {
    if (this.head.endsWith('\r\n\r\n')) {
      this.events.push(...this.#demuxer.push(bytes));
      return;
    }
    const all = this.head + bytes.toString('latin1');
    const end = all.indexOf('\r\n\r\n');
    this.head = end < 0 ? all : all.slice(0, end + 4);
    if (end >= 0) this.events.push(...this.#demuxer.push(Buffer.from(all.slice(end + 4), 'latin1')));
  }

  get pictures(): number {
    return this.events.filter((event) => event.type === 'tag' && isPicture(event.tag)).length;
  }
}

function isPicture(tag: { readonly type: number; readonly data: Uint8Array }): boolean {
  return tag.type === TAG_VIDEO && parseVideoTag(tag.data).packet === 'frames';
}

async function fetchText(path: string, headers: Record<string, string> = {}) {
  const [response] = await once(get({ port: gateway.httpPort, path, headers, agent: false }), 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

describe('the media plane', () => {
  before(async () => {
    gateway = await startTestPlane({
      general: { maxStreamWaitMS: 300 },
      protocol: { continue_push_ms: 400 },
      hls: { segDur: 1 },
    });
  });
  afterEach(async () => {
    for (const close of open.splice(0)) close();
    gateway.plane.control.closeStreams({}, true);
    await eventually(() => gateway.plane.control.sessions({}).length === 0, 'all sessions closed');
    assert.deepEqual(gateway.errors, []);
  });
  after(() => gateway.close());

  test('an RTMP player gets configuration and the GOP at once', async () => {
    const publisher = await publish('a');
    publisher.sendGop(0);
    await eventually(() => gateway.plane.control.sources({}).length > 0, 'on line');
    const player = await play('a').started();
    await player.until(() => player.tags.filter(isPicture).length >= 25);
    const [first, second] = player.tags;
    assert.equal(first && parseVideoTag(first.data).packet, 'config');
    assert.equal(second?.type, 8);
    const picture = player.tags.find(isPicture);
    assert.equal(picture && parseVideoTag(picture.data).keyFrame, true);
    assert.equal(player.events.filter((event) => event.type === 'metadata').length, 1);
  });

  test('an HTTP-FLV player gets a bare FLV file with the GOP first', async () => {
    const publisher = await publish('b');
    publisher.sendGop(0);
    await eventually(() => gateway.plane.control.sources({}).length > 0, 'on line');
    const player = new FlvPlayer(
      '/live/b.live.flv?token=1',
      'Origin: http://ui.example\r\nRange: bytes=0-\r\n',
    );
    await eventually(() => player.pictures === 25, 'GOP');
    publisher.sendGop(1000);
    await eventually(() => player.pictures === 50, 'what follows');
    assert.match(player.head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(player.head, /\r\nContent-Type: video\/x-flv; charset=utf-8\r\n/);
    assert.match(player.head, /\r\nConnection: close\r\n/);
    assert.match(player.head, /\r\nAccess-Control-Allow-Origin: http:\/\/ui\.example\r\n/);
    assert.doesNotMatch(player.head, /Transfer-Encoding|Content-Length/i);
    const stamps = player.events.flatMap((event) =>
      event.type === 'tag' && isPicture(event.tag) ? [event.tag.timestampMs] : [],
    );
    assert.deepEqual(
      stamps,
      Array.from({ length: 50 }, (_, i) => i * 40),
    );
    const [session] = gateway.plane.control.sessions({}).filter(({ role }) => role === 'player');
    assert.equal(session?.stream, 'live/b');
    assert.equal(session?.typeId, 'mediakit::HttpSession');
    const readers = gateway.plane.control.readers({ schema: 'rtmp', vhost: 'x', app: 'live', stream: 'b' });
    assert.equal(readers?.[0]?.id, session?.id);
  });

  test('a WS-FLV player gets the same in binary messages', async () => {
    const publisher = await publish('c');
    publisher.sendGop(0);
    const webSocket = new WebSocket(`ws://127.0.0.1:${gateway.httpPort}/live/c.live.flv`);
    open.push(() => webSocket.terminate());
    const demuxer = new FlvDemuxer();
    let pictures = 0;
    let text = 0;
    webSocket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) text += 1;
      pictures += demuxer.push(data).filter((event) => event.type === 'tag' && isPicture(event.tag)).length;
    });
    await eventually(() => pictures === 25, 'GOP');
    webSocket.ping();
    const [pong] = await Promise.all([
      once(webSocket, 'pong'),
      Promise.resolve(publisher.sendGop(1000, 40_000)),
    ]);
    assert.ok(pong);
    await eventually(() => pictures === 50, 'large messages');
    assert.equal(text, 0);
    const closed = once(webSocket, 'close');
    publisher.endStream();
    assert.equal((await closed)[0], 1001);
  });

  test('HLS: playlist, segments, cookie, reader', async () => {
    const publisher = await publish('d');
    for (let i = 0; i < 3; i++) publisher.sendGop(i * 1000);
    const playlist = await fetchText('/live/d/hls.m3u8', { 'user-agent': 'p1' });
    assert.equal(playlist.status, 200);
    assert.equal(playlist.headers['content-type'], 'application/vnd.apple.mpegurl; charset=utf-8');
    const cookie = playlist.headers['set-cookie']?.[0] ?? '';
    assert.match(cookie, /^ZLM_HTTP_COOKIE=[0-9a-f]{32};expires=.*GMT;path=\/live\/d\/$/);
    const again = await fetchText('/live/d/hls.m3u8', {
      'user-agent': 'p1',
      cookie: cookie.split(';', 1)[0] ?? '',
    });
    assert.equal(again.headers['set-cookie'], undefined);
    await fetchText('/live/d/hls.m3u8', { 'user-agent': 'p2' });
    const [source] = gateway.plane.control.sources({ schema: 'hls' });
    assert.equal(source?.readerCount, 2);
    const names = playlist.body.toString().match(/^.*\.ts$/gm) ?? [];
    assert.equal(names.length, 2);
    const segment = await fetchText(`/live/d/${names[0]}`);
    assert.equal(segment.headers['content-type'], 'video/mp2t; charset=utf-8');
    assert.equal(segment.body.length % 188, 0);
    assert.equal(segment.body[0], 0x47);
    publisher.endStream();
    await eventually(() => gateway.plane.control.sources({}).length === 0, 'stream over');
    const last = await fetchText('/live/d/hls.m3u8');
    assert.match(last.body.toString(), /#EXT-X-ENDLIST\n$/);
    assert.equal((await fetchText('/live/d/2026-01-01/00/00-00_0.ts')).status, 404);
  });

  test('what is not there is 404 after the wait, and a stream that comes meanwhile is played', async () => {
    assert.equal((await fetchText('/live/none.live.flv')).status, 404);
    assert.equal((await fetchText('/live/none/hls.m3u8')).status, 404);
    assert.equal((await fetchText('/live/none.flv')).status, 418, 'not a live URL, not ours');
    const early = new FlvPlayer('/live/late.live.flv');
    const earlyRtmp = play('late');
    const publisher = await publish('late');
    publisher.sendGop(0);
    await eventually(() => early.pictures === 25, 'FLV');
    await earlyRtmp.until(() => earlyRtmp.tags.filter(isPicture).length === 25);
    const refused = play('never');
    await refused.closed;
    assert.ok(
      refused.events.some(
        (event) => event.type === 'failed' && event.code === 'NetStream.Play.StreamNotFound',
      ),
    );
  });

  test('HEAD and OPTIONS attach nobody', async () => {
    const publisher = await publish('e');
    publisher.sendGop(0);
    const ask = async (method: string) => {
      const headers = { connection: 'keep-alive' };
      const asked = request({
        port: gateway.httpPort,
        path: '/live/e.live.flv',
        method,
        headers,
        agent: false,
      });
      asked.end();
      const [response] = await once(asked, 'response');
      response.resume();
      await once(response, 'end');
      return response;
    };
    const head = await ask('HEAD');
    assert.equal(head.statusCode, 200);
    assert.equal(head.headers.connection, 'keep-alive');
    const options = await ask('OPTIONS');
    assert.equal(options.headers['access-control-allow-origin'], '*');
    assert.equal(options.headers.allow, 'GET, POST, PUT, HEAD, OPTIONS, DELETE');
    assert.equal(options.headers.connection, 'close');
    assert.equal(gateway.plane.control.sources({})[0]?.totalReaderCount, 0);
  });

  test('a second publisher is refused, the first goes on', async () => {
    const first = await publish('f');
    first.sendGop(0);
    const second = new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 'f');
    await second.closed;
    assert.ok(
      second.events.some((event) => event.type === 'failed' && event.code === 'NetStream.Publish.BadName'),
    );
    assert.equal(first.socket.destroyed, false);
  });

  test('a publisher that vanishes may come back, its viewers stay and time goes on', async () => {
    const first = await publish('g');
    first.sendGop(5000);
    const player = new FlvPlayer('/live/g.live.flv');
    await eventually(() => player.pictures === 25, 'first publisher');
    first.socket.destroy();
    await eventually(
      () => gateway.plane.control.sources({})[0]?.originType === 0,
      'waiting for the publisher',
    );
    const second = await publish('g');
    second.sendGop(0);
    await eventually(() => player.pictures === 50, 'second publisher');
    const stamps = player.events.flatMap((event) =>
      event.type === 'tag' && isPicture(event.tag) ? [event.tag.timestampMs] : [],
    );
    assert.deepEqual(
      stamps,
      Array.from({ length: 50 }, (_, i) => i * 40),
    );
    assert.equal(gateway.changes.filter(({ stream, online }) => stream === 'g' && !online).length, 0);
    second.socket.destroy();
    await eventually(() => player.socket.destroyed, 'the stream ends when nobody comes back');
  });

  test('closing through the API spares watched streams unless forced', async () => {
    const publisher = await publish('h');
    publisher.sendGop(0);
    const player = new FlvPlayer('/live/h.live.flv');
    await eventually(() => player.pictures === 25, 'playing');
    assert.deepEqual(gateway.plane.control.closeStreams({ stream: 'h' }, false), { hit: 1, closed: 0 });
    assert.deepEqual(gateway.plane.control.closeStreams({ stream: 'h' }, true), { hit: 1, closed: 1 });
    await publisher.closed;
    await eventually(() => player.socket.destroyed, 'player let go');
    assert.deepEqual(gateway.plane.control.sources({}), []);
  });

  test('sessions can be listed and kicked', async () => {
    const publisher = await publish('i');
    publisher.sendGop(0);
    const [session] = gateway.plane.control.sessions({ localPort: gateway.rtmpPort });
    assert.equal(session?.role, 'publisher');
    assert.equal(session?.typeId, 'mediakit::RtmpSession');
    assert.equal(session?.peerPort, publisher.socket.localPort);
    assert.equal(gateway.plane.control.kickSession('nobody'), false);
    assert.equal(gateway.plane.control.kickSession(session?.id ?? ''), true);
    await publisher.closed;
    assert.deepEqual(gateway.plane.control.sources({}), [], 'no grace after a kick');
  });

  test('garbage on the RTMP port costs its own connection only', async () => {
    const publisher = await publish('j');
    for (let i = 0; i < 30; i++) {
      const socket = connect(gateway.rtmpPort, '127.0.0.1');
      socket.on('error', () => socket.destroy());
      const closed = once(socket, 'close');
      const bytes = randomBytes(5000);
      bytes[0] = i % 2 === 0 ? 3 : (bytes[0] ?? 0) | 4;
      socket.end(bytes);
      socket.resume();
      await closed;
    }
    publisher.sendGop(0);
    await eventually(() => gateway.plane.control.sources({}).length > 0, 'still serving');
  });

  test('a request behind an endless reply closes the connection', async () => {
    const publisher = await publish('k');
    publisher.sendGop(0);
    const player = new FlvPlayer('/live/k.live.flv');
    await eventually(() => player.pictures === 25, 'playing');
    player.socket.write('GET /live/k.live.flv HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => player.socket.destroyed, 'closed');
    await eventually(() => gateway.plane.control.sources({})[0]?.readerCount === 0, 'reader gone');
  });

  test('statistics, loads, listeners and metrics', async () => {
    const publisher = await publish('l');
    publisher.sendGop(0);
    const player = new FlvPlayer('/live/l.live.flv');
    await eventually(() => player.pictures === 25, 'playing');
    assert.equal(gateway.plane.control.statistics()['MultiMediaSourceMuxer'], 1);
    assert.deepEqual(gateway.plane.control.listeners(), [
      { name: 'rtmp', host: '127.0.0.1', port: gateway.rtmpPort },
    ]);
    const [load] = await gateway.plane.control.threadLoads();
    assert.ok(load !== undefined && load.load >= 0 && load.load <= 100 && load.delayMs >= 0);
    const { text } = await gateway.metrics.expose();
    assert.match(text, /^sluice_media_publishers 1$/m);
    assert.match(text, /^sluice_media_viewers 1$/m);
    const [source] = gateway.plane.control.sources({ app: 'live' });
    assert.equal(source?.originUrl, 'rtmp://__defaultVhost__/live/l');
    assert.equal(source?.tracks.length, 2);
    const video = source?.tracks.find(({ kind }) => kind === 'video');
    assert.equal(video?.width, 1280);
    assert.equal(video?.frames, 25);
    assert.equal(video?.keyFrames, 1);
  });
});
