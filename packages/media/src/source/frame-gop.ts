import type { Frame } from '@sluice/base/media';

const MAX_FRAMES = 4096;

/**
 * The frames since the last key frame, which is what a new output starts from. A GOP longer than the bounds is
 * forgotten whole; the cache then stays empty until the next key frame.
 */
export class FrameGop {
  readonly #limitBytes: number;
  #frames: Frame[] = [];
  #bytes = 0;
  #videoSeen = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get frames(): readonly Frame[] {
    return this.#frames;
  }

  push(frame: Frame): void {
    if (frame.kind === 'video') this.#videoSeen = true;
    // Without video every frame can be started from, so only the newest is worth keeping.
    if (frame.kind === 'video' ? frame.keyFrame : !this.#videoSeen) this.clear();
    else if (this.#frames.length === 0) return;
    this.#frames.push(frame);
    this.#bytes += frame.data.byteLength;
    if (this.#bytes > this.#limitBytes || this.#frames.length > MAX_FRAMES) this.clear();
  }

  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
  }
}
