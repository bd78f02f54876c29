import { readFileSync } from 'node:fs';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { errorText, GatewayError } from '@sluice/base/errors';

/** How much a listener cares about certificates of its clients. */
export const CLIENT_AUTH_TYPES = [
  '',
  'request',
  'require-any',
  'verify-if-given',
  'require-and-verify',
] as const;
export type ClientAuthType = (typeof CLIENT_AUTH_TYPES)[number];

/** What an HTTPS listener presents and asks for; certificates and key as PEM text. */
export type HttpTls = {
  readonly certificate: string;
  readonly privateKey: string;
  readonly clientAuth: ClientAuthType;
  /** Certificates that sign those of clients, `''` for the well-known authorities. */
  readonly clientCa: string;
};

/** TLS settings as a configuration has them: each PEM is the text itself or the path of a file. */
export type TlsSettings = {
  readonly certificate: string;
  readonly privateKey: string;
  readonly clientAuthType: ClientAuthType;
  readonly clientAuthCert: string;
};

const HANDSHAKE_TIMEOUT_MS = 15_000;

/** Reads and checks TLS material; a client certificate authority without a type asks for verified clients. @throws GatewayError `http.tls` */
export function loadHttpTls(settings: TlsSettings, resolvePath: (path: string) => string): HttpTls {
  const { certificate, privateKey, clientAuthCert, clientAuthType } = settings;
  const read = (text: string): string =>
    text === '' || text.includes('-----BEGIN') ? text : readFileSync(resolvePath(text), 'utf8');
  try {
    const tls: HttpTls = {
      certificate: read(certificate),
      privateKey: read(privateKey),
      clientAuth: clientAuthType === '' && clientAuthCert !== '' ? 'require-and-verify' : clientAuthType,
      clientCa: read(clientAuthCert),
    };
    createSecureContext(secureContextOptions(tls));
    return tls;
  } catch (error) {
    throw new GatewayError('invalid', 'http.tls', `tls: ${errorText(error)}`, { cause: error });
  }
}

/** The options of a TLS server. */
export function tlsServerOptions(tls: HttpTls): TlsOptions {
  return {
    ...secureContextOptions(tls),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    requestCert: tls.clientAuth !== '',
    rejectUnauthorized: tls.clientAuth === 'require-and-verify',
  };
}

/** Whether a client whose handshake is over may go on. */
export function acceptsClient(socket: TLSSocket, clientAuth: ClientAuthType): boolean {
  switch (clientAuth) {
    case '':
    case 'request':
      return true;
    case 'require-any':
      return socket.getPeerX509Certificate() !== undefined;
    case 'verify-if-given':
      return socket.authorized || socket.getPeerX509Certificate() === undefined;
    case 'require-and-verify':
      return socket.authorized;
  }
}

function secureContextOptions({ certificate, privateKey, clientCa }: HttpTls) {
  if (certificate === '' || privateKey === '')
    throw new TypeError('a certificate and its private key are needed');
  return { cert: certificate, key: privateKey, ...(clientCa === '' ? {} : { ca: clientCa }) };
}
