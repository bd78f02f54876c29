import type { Socket } from 'node:net';
import { unmapIp } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import type { SocketInfo } from '@sluice/core/ports/media';
import type { MediaReaderView, MediaSessionView } from './port.ts';

export type SessionRole = MediaSessionView['role'];

/** One accepted connection; what it turned out to be is filled in as it becomes known. */
export class MediaSession {
  readonly info: SocketInfo;
  readonly typeId: string;
  readonly startedMs: number;
  readonly #socket: Socket;
  role: SessionRole = 'control';
  /** `app/stream` when known. */
  stream = '';
  /** Skips of the viewer on this connection. */
  readSkips: () => number = () => 0;
  /** Ends the connection in its protocol's way; the default just cuts it. */
  kick: () => void;

  constructor(id: string, typeId: string, socket: Socket, startedMs: number) {
    this.#socket = socket;
    this.typeId = typeId;
    this.startedMs = startedMs;
    this.kick = () => socket.destroy();
    this.info = {
      id,
      localIp: unmapIp(socket.localAddress ?? '::'),
      localPort: socket.localPort ?? 0,
      peerIp: unmapIp(socket.remoteAddress ?? '::'),
      peerPort: socket.remotePort ?? 0,
    };
  }

  get bytesIn(): number {
    return this.#socket.bytesRead;
  }

  get bytesOut(): number {
    return this.#socket.bytesWritten;
  }

  /** Ends the connection without ceremony. */
  cut(): void {
    this.#socket.destroy();
  }

  view(): MediaSessionView {
    return {
      ...this.info,
      typeId: this.typeId,
      transport: 'tcp',
      role: this.role,
      stream: this.stream,
      startedMs: this.startedMs,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      skips: this.readSkips(),
    };
  }

  readerView(): MediaReaderView {
    return { ...this.info, typeId: this.typeId };
  }
}

/** All accepted media connections by session id (`<counter>-<peer port>`). */
export class SessionTable {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, MediaSession>();
  readonly #closeListeners = new Set<() => void>();
  #counter = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#sessions.size;
  }

  sessions(): readonly MediaSession[] {
    return [...this.#sessions.values()];
  }

  find(id: string): MediaSession | undefined {
    return this.#sessions.get(id);
  }

  /** Enters a connection; it leaves the table when its socket closes. */
  open(socket: Socket, typeId: string): MediaSession {
    const id = `${++this.#counter}-${socket.remotePort ?? 0}`;
    const session = new MediaSession(id, typeId, socket, this.#clock.now());
    this.#sessions.set(id, session);
    socket.once('close', () => {
      this.#sessions.delete(id);
      for (const listener of this.#closeListeners) listener();
    });
    return session;
  }

  /** Resolves when no publisher or player is left; those still there when `deadline` aborts are cut. */
  async drain(deadline: AbortSignal): Promise<void> {
    const left = () => this.sessions().filter((session) => session.role !== 'control');
    while (left().length > 0 && !deadline.aborted) await this.#nextClose(deadline);
    for (const session of left()) session.cut();
    // A destroyed socket says so in a later turn.
    while (left().length > 0) await this.#nextClose();
  }

  #nextClose(deadline?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#closeListeners.delete(wake);
        deadline?.removeEventListener('abort', wake);
        resolve();
      };
      this.#closeListeners.add(wake);
      deadline?.addEventListener('abort', wake, { once: true });
    });
  }
}
