import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { systemClock } from '@sluice/base/clock';
import type { CertificateAuthority } from '@sluice/inspect/tls/authority';
import { LeafContexts } from '@sluice/inspect/tls/leaf';

/** The demo's own web site, over HTTP and HTTPS on free loopback ports. */
export type WebSite = { readonly httpPort: number; readonly httpsPort: number; close(): void };

const PRODUCTS = [
  { id: 1, name: 'Rubber duck', price: 4.9, stock: 120 },
  { id: 2, name: 'Garden hose', price: 24.5, stock: 8 },
  { id: 3, name: 'Sluice gate', price: 1990, stock: 1 },
];

/** Starts the site; its HTTPS certificate for `hostname` comes from `authority`. */
export async function startWebSite(hostname: string, authority: CertificateAuthority): Promise<WebSite> {
  const contexts = new LeafContexts(authority, systemClock);
  const plain = createHttpServer(answer);
  const secure = createHttpsServer(
    { SNICallback: (name, done) => done(null, contexts.contextFor(name, hostname)) },
    answer,
  );
  const [httpPort, httpsPort] = await Promise.all([listen(plain), listen(secure)]);
  return {
    httpPort,
    httpsPort,
    close() {
      for (const server of [plain, secure]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://demo');
  request.resume();
  if (pathname === '/')
    sendText(
      response,
      200,
      'text/html; charset=utf-8',
      '<!doctype html><title>Demo shop</title><h1>Demo shop</h1>\n',
    );
  else if (pathname === '/api/products')
    sendJson(response, 200, { products: PRODUCTS, updated: new Date().toISOString() });
  else if (pathname === '/api/orders')
    sendJson(response, 201, { order: Date.now() % 10_000, status: 'accepted' });
  else if (pathname === '/logo.svg')
    sendText(
      response,
      200,
      'image/svg+xml',
      '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><circle cx="16" cy="16" r="14" fill="teal"/></svg>\n',
    );
  else sendJson(response, 404, { error: `no such page: ${pathname}` });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  sendText(response, status, 'application/json', JSON.stringify(body));
}

function sendText(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
