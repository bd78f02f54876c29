import type { Socket } from 'node:net';
import { unmapIp } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import {
  encodeSocks4Reply,
  parseSocks4Request,
  SOCKS4_CONNECT,
  SOCKS4_GRANTED,
  SOCKS4_MESSAGE_LIMIT_BYTES,
  SOCKS4_USER_REJECTED,
  SOCKS4_VERSION,
} from '@sluice/codec/socks/socks4';
import {
  COMMAND_CONNECT,
  COMMAND_UDP_ASSOCIATE,
  encodeCredentialsStatus,
  encodeMethodChoice,
  encodeReply,
  METHOD_NONE,
  METHOD_PASSWORD,
  parseCredentials,
  parseGreeting,
  parseRequest,
  REPLY_SUCCEEDED,
  SOCKS5_VERSION,
} from '@sluice/codec/socks/socks5';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { HandshakeReader } from '../net/handshake-reader.ts';
import { isUser, needsCredentials } from './access.ts';
import { flowMetadata, type InboundParts } from './inbound.ts';

/** Reads the version byte without taking it. */
export function peekVersion(
  bytes: Uint8Array,
): { readonly value: number; readonly sizeBytes: number } | undefined {
  const version = bytes[0];
  return version === undefined ? undefined : { value: version, sizeBytes: 0 };
}

/** Reads what a client says before its bytes become opaque; it has a limited time for all of it. */
export function openSocksReader(socket: Socket, parts: InboundParts): HandshakeReader {
  parts.deadlines.set(socket);
  return new HandshakeReader(socket, SOCKS4_MESSAGE_LIMIT_BYTES);
}

/** Serves one SOCKS 4, 4a or 5 connection. @throws ProtocolError for anything else */
export function serveSocks(socket: Socket, parts: InboundParts): Promise<void> {
  return serveSocksFrom(openSocksReader(socket, parts), socket, parts);
}

/** As `serveSocks`, where something has already been looked at. */
export async function serveSocksFrom(
  reader: HandshakeReader,
  socket: Socket,
  parts: InboundParts,
): Promise<void> {
  const version = await reader.read(peekVersion);
  let metadata: FlowMetadata | undefined;
  if (version === SOCKS5_VERSION) metadata = await negotiate5(socket, reader, parts);
  else if (version === SOCKS4_VERSION) metadata = await negotiate4(socket, reader, parts);
  else throw new ProtocolError('socks-version', 0);
  reader.release();
  parts.deadlines.clear(socket);
  if (metadata === undefined) await holdUntilClosed(socket);
  else void parts.sink.relay(metadata, socket);
}

const CHOICE_NONE = encodeMethodChoice(METHOD_NONE);
const CHOICE_PASSWORD = encodeMethodChoice(METHOD_PASSWORD);

let lastReply: { readonly host: string; readonly port: number; readonly bytes: Buffer } = {
  host: '',
  port: 0,
  bytes: Buffer.alloc(0),
};

/** Most connections come to the same address, so its reply is kept. */
function successReply(host: string, port: number): Buffer {
  if (lastReply.host !== host || lastReply.port !== port) {
    const bytes = encodeReply({ code: REPLY_SUCCEEDED, bound: { host, port } });
    lastReply = { host, port, bytes };
  }
  return lastReply.bytes;
}

/** `undefined` for a UDP association, which has no destination of its own. */
async function negotiate5(
  socket: Socket,
  reader: HandshakeReader,
  parts: InboundParts,
): Promise<FlowMetadata | undefined> {
  await reader.read(parseGreeting);
  const access = parts.access();
  let user = '';
  if (needsCredentials(access, unmapIp(socket.remoteAddress ?? ''))) {
    socket.write(CHOICE_PASSWORD);
    const credentials = await reader.read(parseCredentials);
    const { password } = credentials;
    const accepted = credentials.user !== '' && password !== '' && isUser(access, credentials.user, password);
    if (!accepted) {
      socket.end(encodeCredentialsStatus(false));
      throw new ProtocolError('socks-credentials', 0, `user ${credentials.user} refused`);
    }
    socket.write(encodeCredentialsStatus(true));
    user = credentials.user;
  } else {
    socket.write(CHOICE_NONE);
  }
  const { command, target } = await reader.read(parseRequest);
  if (command !== COMMAND_CONNECT && command !== COMMAND_UDP_ASSOCIATE) {
    throw new ProtocolError('socks-command', 1, `command ${command} is not served`);
  }
  socket.write(successReply(unmapIp(socket.localAddress ?? '0.0.0.0'), socket.localPort ?? 0));
  return command === COMMAND_CONNECT ? flowMetadata(socket, parts, 'Socks5', target, user) : undefined;
}

async function negotiate4(
  socket: Socket,
  reader: HandshakeReader,
  parts: InboundParts,
): Promise<FlowMetadata> {
  const { command, target, userId } = await reader.read(parseSocks4Request);
  if (command !== SOCKS4_CONNECT)
    throw new ProtocolError('socks-command', 1, `command ${command} is not served`);
  const access = parts.access();
  if (needsCredentials(access, unmapIp(socket.remoteAddress ?? '')) && !isUser(access, userId, '')) {
    socket.end(encodeSocks4Reply(SOCKS4_USER_REJECTED, target));
    throw new ProtocolError('socks-credentials', 0, `user ${userId} refused`);
  }
  socket.write(encodeSocks4Reply(SOCKS4_GRANTED, target));
  return flowMetadata(socket, parts, 'Socks4', target, userId);
}

/** The connection of a UDP association only tells how long the client wants it. */
async function holdUntilClosed(socket: Socket): Promise<void> {
  const closed = Promise.withResolvers<void>();
  socket.once('close', closed.resolve).once('end', () => socket.end());
  if (socket.closed) closed.resolve();
  socket.resume();
  await closed.promise;
}
