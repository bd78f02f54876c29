import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { type GeoEntry, scanGeoList } from '@sluice/codec/geo-dat/geo-list';

type Stamp = { readonly sizeBytes: number; readonly modifiedMs: number };

/** A file of lists of which only the places are kept in memory; a list is read when it is asked for. */
export class DatFile {
  readonly path: string;
  #entries: ReadonlyMap<string, GeoEntry> = new Map();
  #stamp: Stamp | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** The message of a list by its lower-case code. @throws ProtocolError for a broken file; what `node:fs` throws */
  read(code: string): Uint8Array | undefined {
    const file = openSync(this.path, 'r');
    try {
      this.#refresh(file);
      const entry = this.#entries.get(code);
      if (entry === undefined) return undefined;
      const bytes = new Uint8Array(entry.end - entry.start);
      let length = 0;
      while (length < bytes.length) {
        const count = readSync(file, bytes, length, bytes.length - length, entry.start + length);
        if (count === 0) break;
        length += count;
      }
      return bytes.subarray(0, length);
    } finally {
      closeSync(file);
    }
  }

  /** Another program may have replaced the file. */
  #refresh(file: number): void {
    const { size, mtimeMs } = fstatSync(file);
    if (this.#stamp?.sizeBytes === size && this.#stamp.modifiedMs === mtimeMs) return;
    this.#entries = scanGeoList(readFileSync(file));
    this.#stamp = { sizeBytes: size, modifiedMs: mtimeMs };
  }
}
