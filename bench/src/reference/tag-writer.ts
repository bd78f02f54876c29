// What live media costs without merging: the same stream, made here, each tag written to each HTTP-FLV viewer as it comes.
import { createServer, type Socket } from 'node:net';
import { encodeAacFrameTag } from '@sluice/codec/flv/audio-tag';
import { encodeFlvHeader, encodeFlvTags, type FlvTagParts } from '@sluice/codec/flv/tag';
import { encodeAvcFrameTag } from '@sluice/codec/flv/video-tag';
import { audioFrame, videoFrame } from '@sluice/media/testing/frames';
import {
  AUDIO_BYTES,
  AUDIO_EVERY_MS,
  PICTURE_EVERY_MS,
  PICTURES_PER_GOP,
  pictureBytes,
} from '../load/live-shape.ts';

const port = Number(process.argv[2]);
const viewers = new Set<Socket>();
let picture = 0;
let sound = 0;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('close', () => viewers.delete(socket));
  socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n');
    socket.write(encodeFlvHeader({ video: true, audio: true }));
    viewers.add(socket);
  });
});

function send(tag: FlvTagParts): void {
  const bytes = encodeFlvTags([tag]);
  for (const viewer of viewers) viewer.write(bytes);
}

server.listen(port, '127.0.0.1', 1024, () => {
  const startMs = performance.now();
  setInterval(() => {
    const elapsedMs = performance.now() - startMs;
    for (; picture * PICTURE_EVERY_MS <= elapsedMs; picture++) {
      const keyFrame = picture % PICTURES_PER_GOP === 0;
      send(encodeAvcFrameTag(videoFrame(picture * PICTURE_EVERY_MS, keyFrame, pictureBytes(keyFrame))));
    }
    for (; sound * AUDIO_EVERY_MS <= elapsedMs; sound++) {
      send(encodeAacFrameTag(audioFrame(Math.round(sound * AUDIO_EVERY_MS), AUDIO_BYTES)));
    }
  }, PICTURE_EVERY_MS / 4);
});
