import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { type Endpoint, formatEndpoint } from '@sluice/base/address';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { ProxyTls } from '../config/proxy-config.ts';
import { isRetryable, type OutboundStream } from './outbound.ts';

/** Opens the transport connection to a proxy's server, straight or through another outbound. */
export type ServerConnector = (server: Endpoint, signal: AbortSignal) => Promise<OutboundStream>;

/**
 * Puts TLS on an open connection and waits for the handshake.
 * @throws GatewayError `route.tls-fingerprint`, or the TLS error
 */
export async function startTls(
  stream: Duplex,
  options: ProxyTls,
  signal: AbortSignal,
): Promise<tls.TLSSocket> {
  const pinned = options.fingerprint !== '';
  const secure = tls.connect({
    socket: stream,
    // An address is verified like a name, but must not be sent as one (RFC 6066 §3).
    ...(isIP(options.serverName) === 0 ? { servername: options.serverName } : { host: options.serverName }),
    rejectUnauthorized: !options.skipCertVerify && !pinned,
  });
  secure.pause();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () =>
      secure.destroy(new GatewayError('timeout', 'route.dial-timeout', 'TLS handshake timed out'));
    signal.addEventListener('abort', onAbort, { once: true });
    secure.once('secureConnect', () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    secure.on('error', (error) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    });
    secure.once('close', () => reject(new GatewayError('unavailable', 'route.dial-failed', 'EOF')));
  });
  if (pinned && !presents(secure, options.fingerprint)) {
    secure.destroy();
    throw new GatewayError('unavailable', 'route.tls-fingerprint', 'certificate fingerprints do not match');
  }
  return secure;
}

function presents(secure: tls.TLSSocket, fingerprint: string): boolean {
  const seen = new Set<string>();
  let certificate: tls.DetailedPeerCertificate | undefined = secure.getPeerCertificate(true);
  while (certificate?.raw !== undefined) {
    const digest = new X509Certificate(certificate.raw).fingerprint256.replaceAll(':', '').toLowerCase();
    if (digest === fingerprint) return true;
    if (seen.has(digest)) return false;
    seen.add(digest);
    certificate = certificate.issuerCertificate;
  }
  return false;
}

/** Opens the connection to a server and runs a handshake on it; a failure closes the connection and names the server. */
export async function withServer<T>(
  connector: ServerConnector,
  server: Endpoint,
  signal: AbortSignal,
  handshake: (link: OutboundStream) => Promise<T>,
): Promise<T> {
  let link: OutboundStream | undefined;
  try {
    link = await connector(server, signal);
    return await handshake(link);
  } catch (error) {
    link?.stream.destroy();
    const place = formatEndpoint(server.host, server.port);
    // A failure that a second attempt cannot cure keeps its code.
    const code = error instanceof GatewayError && !isRetryable(error) ? error.code : 'route.dial-failed';
    throw new GatewayError('unavailable', code, `${place} connect error: ${errorText(error)}`, {
      cause: error,
    });
  }
}
