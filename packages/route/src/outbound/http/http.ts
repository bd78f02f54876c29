import { type Endpoint, formatEndpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import { formatRequestHead, parseResponseHead } from '@sluice/codec/http1/head';
import { checkHeaderLines } from '@sluice/codec/http1/header';
import type { HttpProxyConfig } from '../../config/proxy-config.ts';
import { HandshakeReader } from '../../net/handshake-reader.ts';
import type { Outbound, OutboundRequest, OutboundStream, OutboundTraits, PacketSocket } from '../outbound.ts';
import { type ServerConnector, startTls, withServer } from '../server-link.ts';

const HEAD_LIMIT_BYTES = 16_384;

/** Tunnels TCP through an HTTP proxy with CONNECT (RFC 9110 §9.3.6). */
export class HttpOutbound implements Outbound {
  readonly name: string;
  readonly type = 'Http';
  readonly udp = false;
  readonly traits: OutboundTraits;
  readonly #config: HttpProxyConfig;
  readonly #connect: ServerConnector;

  constructor(config: HttpProxyConfig, connect: ServerConnector) {
    this.name = config.name;
    this.traits = config.traits;
    this.#config = config;
    this.#connect = connect;
  }

  dialTcp({ target, signal }: OutboundRequest): Promise<OutboundStream> {
    const { server: host, port, tls } = this.#config;
    return withServer(this.#connect, { host, port }, signal, async (link) => {
      const stream = tls === undefined ? link.stream : await startTls(link.stream, tls, signal);
      stream.write(Buffer.from(this.#connectHead(target), 'latin1'));
      const reader = new HandshakeReader(stream, HEAD_LIMIT_BYTES, signal);
      const status = await reader.read(parseStatus);
      reader.release();
      if (status.code !== 200) throw new GatewayError('unavailable', 'route.dial-failed', refusal(status));
      return { stream, remote: link.remote };
    });
  }

  openUdp(): Promise<PacketSocket> {
    return Promise.reject(
      new GatewayError('invalid', 'route.udp-unsupported', `${this.name} does not support UDP`),
    );
  }

  #connectHead(target: Endpoint): string {
    const { username, password, headers } = this.#config;
    const authority = formatEndpoint(target.host, target.port);
    const own: [string, string][] = [
      ['Host', authority],
      ['User-Agent', 'Go-http-client/1.1'],
      ['Proxy-Connection', 'Keep-Alive'],
    ];
    const configured = Object.entries(headers);
    const overridden = new Set(configured.map(([name]) => name.toLowerCase()));
    const lines = [...own.filter(([name]) => !overridden.has(name.toLowerCase())), ...configured];
    if (username !== '' && password !== '') {
      lines.push([
        'Proxy-Authorization',
        `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      ]);
    }
    checkHeaderLines(lines);
    return formatRequestHead('CONNECT', authority, '1.1', lines);
  }
}

type Status = { readonly code: number; readonly reason: string };

function parseStatus(bytes: Uint8Array): { readonly value: Status; readonly sizeBytes: number } | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = parseResponseHead(buffer.subarray(0, end + 4));
  return { value: { code: head.status, reason: head.reason }, sizeBytes: end + 4 };
}

function refusal({ code, reason }: Status): string {
  if (code === 407) return 'HTTP need auth';
  if (code === 405) return 'CONNECT method not allowed by proxy';
  return code >= 500 ? `${code} ${reason}` : `can not connect remote err code: ${code}`;
}
