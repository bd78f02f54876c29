import { connect, type Socket } from 'node:net';
import { encodeAacConfigTag, encodeAacFrameTag } from '@sluice/codec/flv/audio-tag';
import { metadataOf } from '@sluice/codec/flv/metadata';
import type { FlvTag } from '@sluice/codec/flv/tag';
import { encodeAvcConfigTag, encodeAvcFrameTag } from '@sluice/codec/flv/video-tag';
import { type RtmpClientEvent, RtmpClientSession } from '@sluice/codec/rtmp/client-session';
import { audioFrame, audioTrack, videoFrame, videoTrack } from './frames.ts';

/** A small RTMP player or publisher for tests. */
export class TestRtmpClient {
  readonly socket: Socket;
  readonly events: RtmpClientEvent[] = [];
  readonly tags: FlvTag[] = [];
  readonly closed: Promise<void>;
  readonly #session: RtmpClientSession;
  #wake: (() => void)[] = [];

  constructor(port: number, mode: 'play' | 'publish', app: string, stream: string) {
    this.#session = new RtmpClientSession({ mode, app, stream, tcUrl: `rtmp://127.0.0.1:${port}/${app}` });
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => this.socket.destroy());
    this.closed = new Promise((resolve) => this.socket.on('close', () => resolve()));
    this.socket.on('connect', () => this.#flush());
    this.socket.on('data', (bytes: Buffer) => {
      for (const event of this.#session.feed(bytes)) {
        this.events.push(event);
        if (event.type === 'media') this.tags.push(event.tag);
      }
      this.#flush();
      for (const wake of this.#wake.splice(0)) wake();
    });
    this.socket.on('close', () => {
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  /** Resolves when `condition` holds; rejects when the connection closes before that. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.socket.destroyed) throw new Error(`closed, events: ${JSON.stringify(this.events.slice(-3))}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async started(): Promise<this> {
    await this.until(() => this.events.some((event) => event.type === 'started'));
    return this;
  }

  /** Announces H.264 and AAC. */
  sendTracks(): void {
    this.#session.sendMetadata(metadataOf({ video: videoTrack, audio: audioTrack }, 'test'));
    this.#session.sendTags([encodeAvcConfigTag(videoTrack.config), encodeAacConfigTag(audioTrack.config)]);
    this.#flush();
  }

  /** Sends one GOP of 25 pictures with audio, starting at `fromMs`. */
  sendGop(fromMs: number, pictureBytes = 500): void {
    const tags = Array.from({ length: 25 }, (_, i) => [
      encodeAvcFrameTag(videoFrame(fromMs + i * 40, i === 0, pictureBytes)),
      encodeAacFrameTag(audioFrame(fromMs + i * 40)),
    ]).flat();
    this.#session.sendTags(tags);
    this.#flush();
  }

  /** Ends the stream the way encoders do on a normal exit. */
  endStream(): void {
    this.#session.endStream();
    this.#flush();
  }

  #flush(): void {
    const output = this.#session.takeOutput();
    if (output !== undefined) this.socket.write(output);
  }
}
