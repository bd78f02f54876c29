import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { errorText, GatewayError, ProtocolError } from '@sluice/base/errors';
import { TOKEN_BYTES } from '@sluice/codec/http1/header';
import { type ClientHello, looksLikeTls, parseClientHello } from '@sluice/codec/tls-hello/client-hello';
import type { Dialed } from '@sluice/core/ports/dialer';
import { completeHandshake } from '../tls/handshake.ts';
import { Http1Session } from './http1-session.ts';
import { relay } from './relay.ts';
import type { TunnelOrigin } from './request-line.ts';
import type { ClientAddress, OpenStream, ProxyServices } from './services.ts';
import { Sniffer } from './sniffer.ts';
import type { SharedUpstreams } from './upstream-pool.ts';

/** A client connection whose destination is known and whose protocol is not. */
export type Tunnel = {
  readonly services: ProxyServices;
  readonly client: Duplex;
  readonly address: ClientAddress;
  readonly flowId: string;
  /** Host name or literal IP. */
  readonly host: string;
  readonly port: number;
  readonly open: OpenStream;
  /** As for sessions. */
  readonly shared?: SharedUpstreams;
};

const EMPTY: Buffer = Buffer.alloc(0);
const SERVER_FIRST_MS = 200;
const HELLO_MS = 10_000;
const HANDSHAKE_MS = 10_000;
const READABLE_PROTOCOLS = ['http/1.1', 'http/1.0'];

type Content =
  | { readonly kind: 'tls'; readonly hello: ClientHello }
  | { readonly kind: 'http' }
  | { readonly kind: 'other' };

/** Serves a tunnel by what the client says first, starting with bytes already read, until it has ended; never rejects. */
export async function serveTunnel(tunnel: Tunnel, initial: Buffer): Promise<void> {
  const { client, services } = tunnel;
  client.on('error', (error: Error) => {
    services.log.debug('client connection failed', { client: tunnel.address.ip, error: error.message });
  });
  const sniffer = new Sniffer(client, services.clock);
  const { intercept, passthrough } = services.settings;
  try {
    if (!intercept || passthrough(tunnel.host, tunnel.port)) {
      await relayRaw(tunnel, initial);
      return;
    }
    const patience = { firstByteMs: SERVER_FIRST_MS, wholeMs: HELLO_MS };
    const { content, bytes } = await sniffer.read<Content>(initial, patience, classify, { kind: 'other' });
    if (client.destroyed) return;
    if (bytes.length > 0 || client.readableEnded) await serveContent(tunnel, content, bytes);
    else await serveSilent(tunnel, sniffer);
  } catch (error) {
    services.log.debug('tunnel failed', { host: tunnel.host, port: tunnel.port, error: errorText(error) });
    client.destroy();
  }
}

/** The client may be slow, or wait for the server to speak first: connects, and goes by whoever speaks. */
async function serveSilent(tunnel: Tunnel, sniffer: Sniffer): Promise<void> {
  const { client } = tunnel;
  const dialed = await openFor(tunnel);
  const { stream } = dialed;
  const spoke = new AbortController();
  const onGreeting = (chunk: Buffer): void => {
    stream.pause();
    stream.unshift(chunk);
    spoke.abort();
  };
  const onGone = (): void => spoke.abort();
  stream.once('data', onGreeting).once('end', onGone).once('close', onGone).on('error', onGone);
  const patience = { firstByteMs: Number.POSITIVE_INFINITY, wholeMs: HELLO_MS };
  const heard = await sniffer.read<Content>(EMPTY, patience, classify, { kind: 'other' }, spoke.signal);
  stream.off('data', onGreeting).off('end', onGone).off('close', onGone).pause();
  let unused: Dialed | undefined = dialed;
  const open: OpenStream = (host, port, signal) => {
    const first = unused;
    unused = undefined;
    return first === undefined || first.stream.destroyed
      ? tunnel.open(host, port, signal)
      : Promise.resolve(first);
  };
  try {
    if (!client.destroyed) await serveContent({ ...tunnel, open }, heard.content, heard.bytes);
  } finally {
    unused?.stream.destroy();
  }
}

/** Opens the tunnel's destination, and gives up when the client does. */
async function openFor({ client, open, host, port }: Tunnel): Promise<Dialed> {
  const abandoned = new AbortController();
  const onClose = (): void => abandoned.abort();
  client.once('close', onClose);
  try {
    return await open(host, port, abandoned.signal);
  } finally {
    client.off('close', onClose);
  }
}

/** What the first bytes of a client are; `undefined` when that takes more of them. */
function classify(bytes: Buffer): Content | undefined {
  if (looksLikeTls(bytes)) {
    try {
      const hello = parseClientHello(bytes);
      return hello === undefined ? undefined : { kind: 'tls', hello };
    } catch (error) {
      if (error instanceof ProtocolError) return { kind: 'other' };
      throw error;
    }
  }
  return classifyText(bytes);
}

const SPACE = 32;
const MAX_METHOD_BYTES = 20;
/** A nested CONNECT belongs to the proxy it is meant for; PRI opens HTTP/2 without TLS. */
const NOT_READABLE = new Set(['CONNECT', 'PRI']);

/** A request line starts with a method and a path, an absolute URL or `*`. */
function classifyText(bytes: Buffer): Content | undefined {
  let at = 0;
  while (at < bytes.length && at <= MAX_METHOD_BYTES && TOKEN_BYTES[bytes[at] as number] === 1) at++;
  if (at === bytes.length && at <= MAX_METHOD_BYTES) return undefined;
  if (at === 0 || bytes[at] !== SPACE) return { kind: 'other' };
  if (at + 1 === bytes.length) return undefined;
  if (NOT_READABLE.has(bytes.toString('latin1', 0, at))) return { kind: 'other' };
  const target = bytes.toString('latin1', at + 1, at + 9);
  const http =
    target.startsWith('/') ||
    target.startsWith('*') ||
    'https://'.startsWith(target.slice(0, 4).toLowerCase());
  return { kind: http ? 'http' : 'other' };
}

async function serveContent(tunnel: Tunnel, content: Content, bytes: Buffer): Promise<void> {
  if (content.kind === 'tls' && mayOpen(tunnel, content.hello)) return serveTls(tunnel, content.hello, bytes);
  if (content.kind !== 'http') return relayRaw(tunnel, bytes);
  return serveHttp(tunnel, tunnel.client, bytes, {
    scheme: 'http',
    host: tunnel.host,
    port: tunnel.port,
    serverName: '',
  });
}

function mayOpen(tunnel: Tunnel, hello: ClientHello): boolean {
  const { passthrough } = tunnel.services.settings;
  if (hello.sni !== undefined && passthrough(hello.sni, tunnel.port)) return false;
  return hello.alpn.length === 0 || hello.alpn.some((protocol) => READABLE_PROTOCOLS.includes(protocol));
}

function serveHttp(tunnel: Tunnel, client: Duplex, initial: Buffer, origin: TunnelOrigin): Promise<void> {
  const { services, address, flowId, open, shared } = tunnel;
  const setup = {
    services,
    client,
    address,
    flowId,
    origin,
    open,
    ...(shared === undefined ? {} : { shared }),
  };
  return new Http1Session(setup).run(initial);
}

async function serveTls(tunnel: Tunnel, hello: ClientHello, bytes: Buffer): Promise<void> {
  const { services, client, host } = tunnel;
  const serverName = hello.sni ?? (isIP(host) === 0 ? host : '');
  let secure: TLSSocket;
  const timeout = new AbortController();
  const timer = services.clock.after(HANDSHAKE_MS, () => timeout.abort());
  try {
    const secureContext = services.leaves.contextFor(serverName === '' ? host : serverName, host);
    // The handshake starts again from the bytes that were looked at.
    client.unshift(bytes);
    secure = new TLSSocket(client, { isServer: true, secureContext, ALPNProtocols: READABLE_PROTOCOLS });
    await completeHandshake(secure, client, 'secure', timeout.signal);
  } catch (error) {
    const reason =
      error instanceof GatewayError ? error.message : `TLS with the client failed: ${errorText(error)}`;
    services.log.info('interception refused', {
      host: serverName || host,
      client: tunnel.address.ip,
      reason,
    });
    client.destroy();
    return;
  } finally {
    timer.cancel();
  }
  await serveHttp(tunnel, secure, EMPTY, { scheme: 'https', host, port: tunnel.port, serverName });
}

/** Passes everything on unread. */
async function relayRaw(tunnel: Tunnel, bytes: Buffer): Promise<void> {
  const { client } = tunnel;
  const { stream } = await openFor(tunnel);
  if (bytes.length > 0) stream.write(bytes);
  await relay(client, stream);
}
