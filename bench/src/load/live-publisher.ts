// Publishes a made-up H.264 and AAC stream of a fixed rate by RTMP, paced by the clock.
import { connect } from 'node:net';
import { encodeAacConfigTag, encodeAacFrameTag } from '@sluice/codec/flv/audio-tag';
import { metadataOf } from '@sluice/codec/flv/metadata';
import { encodeAvcConfigTag, encodeAvcFrameTag } from '@sluice/codec/flv/video-tag';
import { RtmpClientSession } from '@sluice/codec/rtmp/client-session';
import { audioFrame, audioTrack, videoFrame, videoTrack } from '@sluice/media/testing/frames';
import {
  AUDIO_BYTES,
  AUDIO_EVERY_MS,
  PICTURE_EVERY_MS,
  PICTURES_PER_GOP,
  pictureBytes,
} from './live-shape.ts';
import { failLoad, loadOptions, report } from './report.ts';

type Publisher = { readonly rtmpPort: number; readonly app: string; readonly stream: string };

const { rtmpPort, app, stream } = loadOptions<Publisher>();
const session = new RtmpClientSession({
  mode: 'publish',
  app,
  stream,
  tcUrl: `rtmp://127.0.0.1:${rtmpPort}/${app}`,
});
const socket = connect({ port: rtmpPort, host: '127.0.0.1', noDelay: true });
let picture = 0;
let sound = 0;

function flush(): void {
  const output = session.takeOutput();
  if (output !== undefined) socket.write(output);
}

function sendDue(elapsedMs: number): void {
  for (; picture * PICTURE_EVERY_MS <= elapsedMs; picture++) {
    const keyFrame = picture % PICTURES_PER_GOP === 0;
    session.sendTags([
      encodeAvcFrameTag(videoFrame(picture * PICTURE_EVERY_MS, keyFrame, pictureBytes(keyFrame))),
    ]);
  }
  for (; sound * AUDIO_EVERY_MS <= elapsedMs; sound++) {
    session.sendTags([encodeAacFrameTag(audioFrame(Math.round(sound * AUDIO_EVERY_MS), AUDIO_BYTES))]);
  }
  flush();
}

socket.on('error', failLoad);
socket.on('close', () => failLoad('the server closed the publisher'));
socket.on('connect', flush);
socket.on('data', (bytes: Buffer) => {
  for (const event of session.feed(bytes)) {
    if (event.type !== 'started') continue;
    session.sendMetadata(metadataOf({ video: videoTrack, audio: audioTrack }, 'bench'));
    session.sendTags([encodeAvcConfigTag(videoTrack.config), encodeAacConfigTag(audioTrack.config)]);
    const startMs = performance.now();
    setInterval(() => sendDue(performance.now() - startMs), PICTURE_EVERY_MS / 2);
    report('ready');
  }
  flush();
});
