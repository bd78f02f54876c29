import type { Socket } from 'node:net';
import { SOCKS4_VERSION } from '@sluice/codec/socks/socks4';
import { SOCKS5_VERSION } from '@sluice/codec/socks/socks5';
import { serveHttp } from './http-inbound.ts';
import type { InboundParts } from './inbound.ts';
import { openSocksReader, peekVersion, serveSocksFrom } from './socks-inbound.ts';

/** Serves HTTP and SOCKS on one port: the first byte tells which. */
export async function serveMixed(socket: Socket, parts: InboundParts): Promise<void> {
  const reader = openSocksReader(socket, parts);
  const version = await reader.read(peekVersion);
  if (version === SOCKS4_VERSION || version === SOCKS5_VERSION) return serveSocksFrom(reader, socket, parts);
  reader.release();
  return serveHttp(socket, parts);
}
