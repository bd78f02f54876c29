import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { acceptWebSocket } from './upgrade.ts';

/** A live series of texts to one client. */
export interface TextStream {
  /** Queues one message; false when it was dropped because the client reads too slowly or has left. */
  send(text: string): boolean;
  /** Runs `task` once the client has left, at once when it already has. */
  onClose(task: () => void): void;
  close(): void;
}

/** How much may wait for one client before further messages are dropped. */
export type StreamLimits = { readonly messages: number; readonly bytes: number };

/** Enough for 1024 log lines or a few snapshots of a large connection table. */
export const DEFAULT_STREAM_LIMITS: StreamLimits = { messages: 1024, bytes: 8_388_608 };

/** Answers with an endless chunked body; status line and headers leave with the first message. */
export function openLineStream(
  request: FastifyRequest,
  reply: FastifyReply,
  contentType: string,
  limits = DEFAULT_STREAM_LIMITS,
): TextStream {
  const response = reply.raw;
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) response.setHeader(name, value);
  response.setHeader('content-type', contentType);
  const queue = new BoundedSender(limits, (text, done) => response.write(text, done));
  response.on('close', () => queue.closed());
  response.on('error', () => response.destroy());
  if (request.raw.socket.destroyed) queue.closed();
  return {
    send: (text) => queue.send(text),
    onClose: (task) => queue.onClose(task),
    close: () => response.end(),
  };
}

/** Completes a handshake already found good by `handshakeProblem`; each message becomes one text frame. */
export function openSocketStream(
  request: FastifyRequest,
  reply: FastifyReply,
  onOpen: (stream: TextStream) => void,
  limits = DEFAULT_STREAM_LIMITS,
): void {
  reply.hijack();
  acceptWebSocket(request.raw, (socket) => onOpen(socketStream(socket, limits)));
}

function socketStream(socket: WebSocket, limits: StreamLimits): TextStream {
  const queue = new BoundedSender(limits, (text, done) => socket.send(text, done));
  socket.on('close', () => queue.closed());
  // A broken frame or reset connection is followed by 'close', which does the cleaning up.
  socket.on('error', () => socket.terminate());
  return {
    send: (text) => queue.send(text),
    onClose: (task) => queue.onClose(task),
    close: () => socket.close(),
  };
}

/** Counts what was handed to a socket and not yet flushed, and refuses more beyond the limits. */
class BoundedSender {
  readonly #limits: StreamLimits;
  readonly #write: (text: string, done: () => void) => void;
  #messages = 0;
  #bytes = 0;
  #closed = false;
  #onClose: (() => void)[] = [];

  constructor(limits: StreamLimits, write: (text: string, done: () => void) => void) {
    this.#limits = limits;
    this.#write = write;
  }

  send(text: string): boolean {
    if (this.#closed || this.#messages >= this.#limits.messages) return false;
    const bytes = Buffer.byteLength(text);
    // One message larger than the whole limit still passes when nothing waits, or it could never be sent.
    if (this.#messages > 0 && this.#bytes + bytes > this.#limits.bytes) return false;
    this.#messages += 1;
    this.#bytes += bytes;
    this.#write(text, () => {
      this.#messages -= 1;
      this.#bytes -= bytes;
    });
    return true;
  }

  onClose(task: () => void): void {
    if (this.#closed) task();
    else this.#onClose.push(task);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const task of this.#onClose.splice(0)) task();
  }
}
