import type { ViewerEnd, ViewerSocket } from '../live/viewer.ts';

/** A socket that takes everything, or nothing while `stuck`. */
export class FakeSocket implements ViewerSocket, ViewerEnd {
  readonly chunks: Uint8Array[] = [];
  writable = true;
  writableLength = 0;
  stuck = false;
  fate: 'open' | 'ended' | 'too-slow' = 'open';

  write(bytes: Uint8Array): boolean {
    this.chunks.push(bytes);
    if (this.stuck) this.writableLength += bytes.byteLength;
    return !this.stuck;
  }

  cork(): void {}
  uncork(): void {}

  ended(): void {
    this.fate = 'ended';
  }

  tooSlow(): void {
    this.fate = 'too-slow';
    this.writable = false;
  }

  /** Lets everything that waits flow. */
  drain(): void {
    this.stuck = false;
    this.writableLength = 0;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
}
