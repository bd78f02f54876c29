import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { systemClock } from '@sluice/base/clock';
import { openCa } from '@sluice/inspect/tls/authority';
import { LeafContexts } from '@sluice/inspect/tls/leaf';

/** Answers one request; it may reject only because the client went away in the middle of the request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

export type Origin = {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly caFile: string;
  close(): void;
};

/** An HTTP and an HTTPS origin for `hostname` on free loopback ports; `caFile` holds the authority of its certificate. */
export async function startOrigin(
  folder: string,
  hostname: string,
  answer: Answer,
  upgrade?: (request: IncomingMessage, socket: Duplex) => void,
): Promise<Origin> {
  const authority = await openCa(join(folder, 'origin-ca'), { keyType: 'ec' });
  const contexts = new LeafContexts(authority, systemClock);
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      await answer(request, response);
    } catch (error) {
      if (!request.destroyed || request.complete) throw error;
    }
  };
  const plain = createHttpServer(respond);
  const secure = createHttpsServer(
    { SNICallback: (name, done) => done(null, contexts.contextFor(name, hostname)) },
    respond,
  );
  if (upgrade !== undefined) for (const server of [plain, secure]) server.on('upgrade', upgrade);
  const [httpPort, httpsPort] = await Promise.all([listen(plain), listen(secure)]);
  return {
    httpPort,
    httpsPort,
    caFile: authority.view.path,
    close() {
      for (const server of [plain, secure]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
