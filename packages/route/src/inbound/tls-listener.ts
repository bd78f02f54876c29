import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { isAbsolute, join } from 'node:path';
import tls from 'node:tls';
import { GatewayError } from '@sluice/base/errors';
import type { ListenerTls } from './config/listener-config.ts';
import type { ConnectionHandler, InboundParts } from './inbound.ts';

/** A listener's certificates, loaded. */
export type LoadedTls = { readonly context: tls.SecureContext; readonly config: ListenerTls };

/** Reads the certificates; relative paths are below `homeDir`. @throws the file's or the certificate's error */
export async function loadTls(config: ListenerTls, homeDir: string): Promise<LoadedTls> {
  const [cert, key, ca] = await Promise.all(
    [config.certificate, config.privateKey, config.clientCertificates].map((text) => readPem(text, homeDir)),
  );
  const context = tls.createSecureContext({
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  });
  return { context, config };
}

async function readPem(text: string, homeDir: string): Promise<string | undefined> {
  if (text === '') return undefined;
  if (text.includes('-----BEGIN')) return text;
  return readFile(isAbsolute(text) ? text : join(homeDir, text), 'utf8');
}

/** A handler that speaks TLS on the connection and gives what is inside to another one. */
export function overTls(
  loaded: LoadedTls,
  parts: InboundParts,
  serve: (socket: Socket) => Promise<void>,
): ConnectionHandler {
  return async (socket) => {
    const secure = await acceptTls(loaded, parts, socket);
    // Closing either closes both, and the listener watches the outer one.
    socket.once('close', () => secure.destroy());
    await serve(secure);
  };
}

async function acceptTls(
  { context, config }: LoadedTls,
  { deadlines }: InboundParts,
  socket: Socket,
): Promise<tls.TLSSocket> {
  const { clientAuth } = config;
  const secure = new tls.TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    requestCert: clientAuth !== '',
    // Which certificates are good enough is decided below.
    rejectUnauthorized: false,
  });
  deadlines.set(socket);
  await new Promise<void>((resolve, reject) => {
    secure.on('error', (error) => {
      secure.destroy();
      reject(error);
    });
    secure.once('secure', resolve);
    secure.once('close', () =>
      reject(new GatewayError('unavailable', 'route.tls', 'closed in the handshake')),
    );
  });
  deadlines.clear(socket);
  secure.pause();
  const refusal = refusalOf(secure, clientAuth);
  if (refusal === undefined) return secure;
  secure.destroy();
  throw new GatewayError('forbidden', 'route.tls', refusal);
}

function refusalOf(secure: tls.TLSSocket, clientAuth: ListenerTls['clientAuth']): string | undefined {
  if (clientAuth === '' || clientAuth === 'request') return undefined;
  const given = secure.getPeerX509Certificate() !== undefined;
  if (!given) return clientAuth === 'verify-if-given' ? undefined : 'the client showed no certificate';
  if (clientAuth === 'require-any') return undefined;
  return verifyError(secure) === null ? undefined : "the client's certificate is not trusted";
}

/** `ssl.verifyError` of the handshake; a server-side socket made by hand does not keep it anywhere public. */
function verifyError(secure: tls.TLSSocket): unknown {
  const handle = (secure as unknown as { readonly _handle: { verifyError(): unknown } | null })._handle;
  return handle === null ? 'closed' : (handle.verifyError() ?? null);
}
