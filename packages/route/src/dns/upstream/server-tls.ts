import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { GatewayError } from '@sluice/base/errors';

export type ServerTlsOptions = {
  /** Verified against the certificate; names go into SNI. */
  readonly host: string;
  readonly alpn: readonly string[];
  readonly skipCertVerify: boolean;
  readonly trustedCertificates: readonly string[];
};

/** Puts TLS on a stream to a DNS server; failure destroys the stream. @throws TLS's error, or the signal's reason */
export async function startServerTls(
  stream: Duplex,
  options: ServerTlsOptions,
  signal: AbortSignal,
): Promise<tls.TLSSocket> {
  const secure = tls.connect({
    socket: stream,
    host: options.host,
    ...(isIP(options.host) === 0 ? { servername: options.host } : {}),
    ...(options.alpn.length > 0 ? { ALPNProtocols: [...options.alpn] } : {}),
    ...(options.trustedCertificates.length > 0
      ? { secureContext: contextFor(options.trustedCertificates) }
      : {}),
    rejectUnauthorized: !options.skipCertVerify,
  });
  secure.pause();
  const shaken = Promise.withResolvers<void>();
  const onAbort = () => {
    secure.destroy();
    stream.destroy();
    shaken.reject(signal.reason);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  secure.once('secureConnect', shaken.resolve);
  // Stays for the socket's life; its owner acts on `close`.
  secure.on('error', (error) => {
    shaken.reject(error);
    stream.destroy();
  });
  secure.once('close', () => {
    stream.destroy();
    shaken.reject(
      new GatewayError('unavailable', 'dns.closed', 'connection closed during the TLS handshake'),
    );
  });
  try {
    await shaken.promise;
    return secure;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Reading hundreds of certificates takes milliseconds, so contexts are kept with the list they were made from. */
const contexts = new WeakMap<readonly string[], tls.SecureContext>();

function contextFor(trustedCertificates: readonly string[]): tls.SecureContext {
  let context = contexts.get(trustedCertificates);
  if (context === undefined) {
    context = tls.createSecureContext({
      ca: [...tls.getCACertificates('default'), ...trustedCertificates],
    });
    contexts.set(trustedCertificates, context);
  }
  return context;
}
