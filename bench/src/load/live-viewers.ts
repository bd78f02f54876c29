// Watches a stream by HTTP-FLV with many connections that only count bytes; then times how soon new viewers see a picture.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FlvDemuxer } from '@sluice/codec/flv/demuxer';
import { flvBytesPerSecond } from './live-shape.ts';
import { failLoad, loadOptions, report } from './report.ts';

type Viewers = {
  readonly httpPort: number;
  readonly path: string;
  readonly viewers: number;
  readonly newViewers: number;
  readonly seconds: number;
};

const options = loadOptions<Viewers>();
const OPENING_AT_ONCE = 50;
const FLV_VIDEO = 9;
const shared = Buffer.allocUnsafeSlow(256 * 1024);
const received = new Float64Array(options.viewers);
const request = `GET ${options.path} HTTP/1.1\r\nHost: 127.0.0.1:${options.httpPort}\r\n\r\n`;

function watch(index: number): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({
      host: '127.0.0.1',
      port: options.httpPort,
      onread: {
        buffer: shared,
        callback: (length) => {
          if (received[index] === 0) resolve();
          received[index] = (received[index] ?? 0) + length;
          return true;
        },
      },
    });
    socket.once('connect', () => socket.write(request));
    socket.on('error', failLoad);
    socket.on('close', () => failLoad(`viewer ${index} was closed`));
  });
}

/** Milliseconds from connecting to having a whole key frame. */
function firstPictureMs(): Promise<number> {
  return new Promise((resolve) => {
    const demuxer = new FlvDemuxer();
    const startMs = performance.now();
    let head: Buffer | undefined = Buffer.alloc(0);
    const socket = connect({ host: '127.0.0.1', port: options.httpPort });
    socket.once('connect', () => socket.write(request));
    socket.on('error', failLoad);
    socket.on('data', (bytes: Buffer) => {
      let media = bytes;
      if (head !== undefined) {
        head = Buffer.concat([head, bytes]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        media = head.subarray(end + 4);
        head = undefined;
      }
      for (const event of demuxer.push(media)) {
        if (event.type !== 'tag' || event.tag.type !== FLV_VIDEO || event.tag.data.length < 1_000) continue;
        resolve(performance.now() - startMs);
        socket.removeAllListeners('data');
        socket.destroy();
        return;
      }
    });
  });
}

for (let index = 0; index < options.viewers; index += OPENING_AT_ONCE) {
  const batch = Math.min(OPENING_AT_ONCE, options.viewers - index);
  await Promise.all(Array.from({ length: batch }, (_, offset) => watch(index + offset)));
}
await sleep(1_500);
const before = received.slice();
const startMs = performance.now();
report('start');
await sleep(options.seconds * 1_000);
const after = received.slice();
const seconds = (performance.now() - startMs) / 1_000;
const each = after.map((bytes, index) => bytes - (before[index] ?? 0)).toSorted();
const expected = flvBytesPerSecond() * seconds;
report('end', {
  seconds,
  bytes: each.reduce((sum, bytes) => sum + bytes, 0),
  slowestShare: (each[0] ?? 0) / expected,
  medianShare: (each[each.length >> 1] ?? 0) / expected,
});
const pictures: number[] = [];
for (let count = 0; count < options.newViewers; count++) {
  pictures.push(await firstPictureMs());
  await sleep(37);
}
pictures.sort((a, b) => a - b);
report('ready', { medianMs: pictures[pictures.length >> 1] ?? 0, worstMs: pictures.at(-1) ?? 0 });
