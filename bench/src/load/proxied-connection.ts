import { connect, type Socket } from 'node:net';

/** How a load reaches its target: through SOCKS5, or straight to a port that forwards by itself. */
export type Via = 'socks5' | 'plain';

const HELLO = Buffer.of(5, 1, 0);
const SOURCES = 32;
const REPLY_BYTES = 10;
// Every socket of a load reads into the same memory: what arrives is only counted.
const shared = Buffer.allocUnsafeSlow(256 * 1024);
let opened = 0;

/**
 * Connects to the proxy, asks it for `127.0.0.1:targetPort` when it speaks SOCKS5, and calls `onOpen`; later bytes go to `onBytes`.
 * Source addresses rotate, so that ports waiting to be free again never run out.
 */
export function openThrough(
  via: Via,
  proxyPort: number,
  targetPort: number,
  onOpen: (socket: Socket) => void,
  onBytes: (length: number, socket: Socket, bytes: Uint8Array) => void,
): Socket {
  opened += 1;
  let step: 'hello' | 'reply' | 'open' = via === 'socks5' ? 'hello' : 'open';
  let replyBytes = 0;
  const socket = connect({
    host: '127.0.0.1',
    port: proxyPort,
    localAddress: `127.0.0.${2 + (opened % SOURCES)}`,
    noDelay: true,
    onread: {
      buffer: shared,
      callback: (length, bytes) => {
        if (step === 'open') {
          onBytes(length, socket, bytes);
        } else if (step === 'hello') {
          step = 'reply';
          socket.write(connectRequest(targetPort));
        } else {
          if (replyBytes === 0 && bytes[1] !== 0) socket.destroy(new Error(`SOCKS5 reply ${bytes[1]}`));
          replyBytes += length;
          if (replyBytes >= REPLY_BYTES) {
            step = 'open';
            onOpen(socket);
          }
        }
        return true;
      },
    },
  });
  socket.once('connect', () => {
    if (via === 'socks5') socket.write(HELLO);
    else onOpen(socket);
  });
  return socket;
}

function connectRequest(port: number): Buffer {
  return Buffer.of(5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255);
}
