import type { Socket } from 'node:net';
import { SOCKS4_VERSION } from '@sluice/codec/socks/socks4';
import { SOCKS5_VERSION } from '@sluice/codec/socks/socks5';
import { HandshakeReader } from '../net/handshake-reader.ts';
import { serveHttp } from './http-inbound.ts';
import { handshakeLimit, type InboundParts } from './inbound.ts';
import { peekVersion, serveSocks } from './socks-inbound.ts';

/** Serves HTTP and SOCKS on one port: the first byte tells which. */
export async function serveMixed(socket: Socket, parts: InboundParts): Promise<void> {
  const limit = handshakeLimit(parts.clock);
  let version: number;
  try {
    const reader = new HandshakeReader(socket, 1, limit.signal);
    version = await reader.read(peekVersion);
    reader.release();
  } finally {
    limit.done();
  }
  if (version === SOCKS4_VERSION || version === SOCKS5_VERSION) return serveSocks(socket, parts);
  return serveHttp(socket, parts);
}
