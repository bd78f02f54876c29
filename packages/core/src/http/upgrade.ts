import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

const MAX_CLIENT_MESSAGE_BYTES = 65_536;

type Pending = { readonly socket: Socket; readonly head: Buffer; readonly response: ServerResponse };

const pendingUpgrades = new WeakMap<IncomingMessage, Pending>();
const acceptor = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MAX_CLIENT_MESSAGE_BYTES,
  handleProtocols: () => false,
});

/**
 * Wraps an upgrade request's socket in a response, so that it can run through the same routes as any request: a route
 * either takes the socket with `acceptWebSocket` or simply answers, after which the connection closes.
 */
export function responseForUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on('finish', () => {
    response.detachSocket(socket);
    socket.destroySoon();
  });
  pendingUpgrades.set(request, { socket, head, response });
  return response;
}

/** True while the request is an upgrade that nobody has taken or answered. */
export function pendingUpgrade(request: IncomingMessage): boolean {
  return pendingUpgrades.has(request);
}

/** Completes the WebSocket handshake of a pending upgrade; no sub-protocol and no extension is negotiated. */
export function acceptWebSocket(request: IncomingMessage, onOpen: (socket: WebSocket) => void): void {
  const pending = pendingUpgrades.get(request);
  if (pending === undefined) return;
  pendingUpgrades.delete(request);
  pending.response.detachSocket(pending.socket);
  acceptor.handleUpgrade(request, pending.socket, pending.head, onOpen);
}

/** Why a WebSocket handshake cannot be accepted: a status and a phrase such as `bad Upgrade header`. */
export type HandshakeProblem = { readonly status: 400 | 405 | 426 | 505; readonly phrase: string };

/** Checks a handshake in the order of RFC 6455 §4.2.1; undefined when it can be accepted. */
export function handshakeProblem(request: IncomingMessage): HandshakeProblem | undefined {
  const { headers } = request;
  if (request.method !== 'GET') return { status: 405, phrase: 'bad HTTP request method' };
  if (request.httpVersionMajor < 1 || (request.httpVersionMajor === 1 && request.httpVersionMinor < 1)) {
    return { status: 505, phrase: 'bad HTTP protocol version' };
  }
  if (!headers.host) return { status: 400, phrase: 'bad Host header' };
  if (headers.upgrade?.toLowerCase() !== 'websocket') return { status: 400, phrase: 'bad Upgrade header' };
  if (!hasToken(headers.connection, 'upgrade')) return { status: 400, phrase: 'bad Connection header' };
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) {
    return { status: 400, phrase: 'bad Sec-WebSocket-Key header' };
  }
  const version = headers['sec-websocket-version'];
  if (version === undefined) return { status: 400, phrase: 'bad Sec-WebSocket-Version header' };
  if (version !== '13') return { status: 426, phrase: 'bad Sec-WebSocket-Version header' };
  // A complete handshake that the HTTP parser still delivered as a plain request carries a body.
  return pendingUpgrade(request) ? undefined : { status: 400, phrase: 'bad Connection header' };
}

function hasToken(header: string | undefined, token: string): boolean {
  return (header ?? '').split(',').some((part) => part.trim().toLowerCase() === token);
}
