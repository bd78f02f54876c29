/** The part of a socket that delivery needs. */
export interface ViewerSocket {
  readonly writable: boolean;
  readonly writableLength: number;
  write(bytes: Uint8Array): boolean;
  cork(): void;
  uncork(): void;
}

/** What becomes of a viewer whose stream goes away or who cannot keep up; neither may throw. */
export type ViewerEnd = {
  /** The stream is over; everything due has been written. */
  ended(): void;
  /** The viewer reads too slowly; close without waiting for it. */
  tooSlow(): void;
};

/** Where a viewer begins. */
export type ViewerStart = Pick<Viewer, 'cursor' | 'waitingForKey' | 'configsSeen'>;

/** One reader of an output: little more than its place in the list. */
export class Viewer {
  readonly socket: ViewerSocket;
  readonly end: ViewerEnd;
  /** The next block to write; while waiting, the first one it did not get. */
  cursor: number;
  /** Receives nothing until a key frame comes. */
  waitingForKey: boolean;
  /** Waits for its socket to drain before it may look for a key frame. */
  draining = false;
  paused = false;
  skips = 0;
  /** Bytes of the first burst, which the soft limit must not count. */
  burstBytes = 0;
  drainCheckedBytes = 0;
  drainCheckedMs = 0;
  /** How many changes of parameters had been announced when it was last written to. */
  configsSeen: number;
  readonly group: number;

  constructor(socket: ViewerSocket, end: ViewerEnd, group: number, start: ViewerStart) {
    this.socket = socket;
    this.end = end;
    this.group = group;
    this.cursor = start.cursor;
    this.waitingForKey = start.waitingForKey;
    this.configsSeen = start.configsSeen;
  }
}
