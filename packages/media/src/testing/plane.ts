import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@sluice/base/clock';
import { Events, type GatewayEvents } from '@sluice/core/events';
import type { Logger } from '@sluice/core/log/logger';
import { Metrics } from '@sluice/core/metrics';
import type { MediaConfig } from '../config.ts';
import { createMediaPlane, type MediaPlane, type MediaPolicies } from '../plane.ts';

/** Errors logged by the plane under test; a test that expects none can say so. */
export type RecordingLogger = Logger & { readonly errors: string[] };

export function recordingLogger(errors: string[] = []): RecordingLogger {
  const quiet = () => {};
  return {
    errors,
    enabled: () => false,
    debug: quiet,
    info: quiet,
    warning: quiet,
    error: (message, fields) => void errors.push(`${message} ${JSON.stringify(fields ?? {})}`),
    child: () => recordingLogger(errors),
  };
}

export type TestPlane = {
  readonly plane: MediaPlane;
  readonly errors: readonly string[];
  readonly changes: readonly GatewayEvents['stream.changed'][];
  readonly metrics: Metrics;
  readonly dataDir: string;
  readonly rtmpPort: number;
  readonly httpPort: number;
  close(): Promise<void>;
};

/** A media plane on free loopback ports with an HTTP listener like the one the gateway gives it. */
export async function startTestPlane(
  config: MediaConfig = {},
  options: MediaPolicies & { readonly clock?: Clock } = {},
): Promise<TestPlane> {
  const dataDir = mkdtempSync(join(tmpdir(), 'sluice-media-'));
  const log = recordingLogger();
  const metrics = new Metrics();
  const events = new Events((error) => log.error(String(error)));
  const changes: GatewayEvents['stream.changed'][] = [];
  events.on('stream.changed', (change) => changes.push(change));
  const context = { clock: options.clock ?? systemClock, log, metrics, events, dataDir };
  const dialer = { dial: () => Promise.reject(new Error('this test dials nobody')) };
  const rtmpPort = await freePort();
  const plane = createMediaPlane(
    context,
    { ...config, rtmp: { port: rtmpPort, ...config.rtmp } },
    { dialer },
    options,
  );
  await plane.start();
  const server = await listenHttp(plane);
  return {
    plane,
    errors: log.errors,
    changes,
    metrics,
    dataDir,
    rtmpPort,
    httpPort: (server.address() as AddressInfo).port,
    async close() {
      await plane.stop(AbortSignal.timeout(2000));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(dataDir, { recursive: true });
    },
  };
}

async function listenHttp(plane: MediaPlane): Promise<Server> {
  const server = createServer((request, response) => {
    if (plane.http.handleRequest(request, response)) return;
    response.statusCode = 418;
    response.end();
  });
  server.on('upgrade', (request, socket, head) => {
    if (!plane.http.handleUpgrade(request, socket, head)) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
  return server;
}

/** A port nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
