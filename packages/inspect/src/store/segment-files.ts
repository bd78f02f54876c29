import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ProtocolError } from '@sluice/base/errors';

const SUFFIX = '.seg';
const OPEN_FILES = 32;

/** Path of a segment file in `directory`. */
export function segmentPath(directory: string, id: number): string {
  return join(directory, `${id}${SUFFIX}`);
}

/** Numbers of the segment files in `directory`. */
export function listSegmentFiles(directory: string): readonly number[] {
  return readdirSync(directory)
    .filter((name) => /^\d+\.seg$/.test(name))
    .map((name) => Number(name.slice(0, -SUFFIX.length)));
}

/** Appends to the newest segment file. Only the writer thread has one. */
export class SegmentAppender {
  readonly #directory: string;
  #fd: number;
  #id: number;
  #length: number;

  /** Goes on behind whatever segment `id` already holds. */
  constructor(directory: string, id: number) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#directory = directory;
    this.#id = id;
    this.#fd = openSync(segmentPath(directory, id), 'a', 0o600);
    this.#length = fstatSync(this.#fd).size;
  }

  get id(): number {
    return this.#id;
  }

  get lengthBytes(): number {
    return this.#length;
  }

  /** Appends `bytes` and returns where they start; on failure nothing was added. */
  append(bytes: Uint8Array): number {
    const start = this.#length;
    try {
      for (let done = 0; done < bytes.byteLength; )
        done += writeSync(this.#fd, bytes, done, bytes.byteLength - done);
    } catch (error) {
      ftruncateSync(this.#fd, start);
      throw error;
    }
    this.#length += bytes.byteLength;
    return start;
  }

  /** Ends this segment and goes on in a new one. */
  rotate(id: number): void {
    const fd = openSync(segmentPath(this.#directory, id), 'a', 0o600);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#id = id;
    this.#length = fstatSync(fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Overwrites a range of a segment with zeros, so that what was deleted cannot be read from the disk; nothing to do when the file is gone. */
export function eraseRange(directory: string, id: number, offset: number, bytes: number): void {
  const path = segmentPath(directory, id);
  if (!existsSync(path)) return;
  const fd = openSync(path, 'r+');
  try {
    writeSync(fd, Buffer.alloc(bytes), 0, bytes, offset);
  } finally {
    closeSync(fd);
  }
}

export function removeSegment(directory: string, id: number): void {
  rmSync(segmentPath(directory, id), { force: true });
}

/** Reads ranges of segment files, keeping the last few files open. */
export class SegmentReader {
  readonly #directory: string;
  readonly #open = new Map<number, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Fills `target` from `offset`. @throws ProtocolError `truncated` when the file ends before; the file system's error when it is gone. */
  read(id: number, offset: number, target: Buffer): void {
    const fd = this.#descriptor(id);
    for (let done = 0; done < target.length; ) {
      const count = readSync(fd, target, done, target.length - done, offset + done);
      if (count === 0) throw new ProtocolError('truncated', offset + done);
      done += count;
    }
  }

  /** The bytes from `offset`, at most `bytes` of them. */
  readUpTo(id: number, offset: number, bytes: number): Buffer {
    const target = Buffer.allocUnsafe(bytes);
    return target.subarray(0, readSync(this.#descriptor(id), target, 0, bytes, offset));
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #descriptor(id: number): number {
    const known = this.#open.get(id);
    if (known !== undefined) return known;
    const fd = openSync(segmentPath(this.#directory, id), 'r');
    this.#open.set(id, fd);
    if (this.#open.size > OPEN_FILES) {
      const [oldest, oldestFd] = this.#open.entries().next().value ?? [id, fd];
      this.#open.delete(oldest);
      closeSync(oldestFd);
    }
    return fd;
  }
}
