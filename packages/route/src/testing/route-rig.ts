import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@sluice/base/clock';
import { defaultOf } from '@sluice/core/config/decode';
import { Events } from '@sluice/core/events';
import type { GatewayContext } from '@sluice/core/gateway-context';
import { Metrics } from '@sluice/core/metrics';
import type { FlowTap } from '@sluice/core/ports/flow-tap';
import { type RouteConfig, routeConfigSchema } from '../config.ts';
import { createRoutePlane, type RoutePlane } from '../plane.ts';
import { LogRecorder } from './log-recorder.ts';

/** A configuration with only some keys written. */
export type PartialRouteConfig = { readonly [K in keyof RouteConfig]?: RouteConfig[K] };

/** A complete configuration from some keys; without ports, a free mixed port is not chosen here. */
export function routeConfig(partial: PartialRouteConfig): RouteConfig {
  return { ...defaultOf<RouteConfig>(routeConfigSchema), ...partial };
}

/** A plane on loopback for tests, with its log lines, and everything that must be closed at the end. */
export class RouteRig {
  readonly #log = new LogRecorder();
  readonly lines = this.#log.lines;
  readonly dataDir = mkdtempSync(join(tmpdir(), 'sluice-route-'));
  readonly #closers: (() => Promise<unknown> | unknown)[] = [];
  tap: FlowTap | undefined;

  context(clock: Clock = systemClock): GatewayContext {
    const events = new Events((error) => this.lines.push(String(error)));
    return { clock, log: this.#log, metrics: new Metrics(), events, dataDir: this.dataDir };
  }

  /** Starts a plane; `mixed-port` defaults to a free port. */
  async start(partial: PartialRouteConfig = {}, context = this.context()): Promise<RoutePlane> {
    const config = routeConfig({ 'mixed-port': await freePort(), ...partial });
    const plane = await this.create(config, context);
    await plane.start();
    this.onClose(() => plane.stop(AbortSignal.timeout(1_000)));
    return plane;
  }

  /** A plane that has not been started. */
  create(config: RouteConfig, context = this.context()): Promise<RoutePlane> {
    const options = { tap: () => this.tap, homeDir: this.dataDir, userAgent: 'sluice/test' };
    return createRoutePlane(context, config, options);
  }

  onClose(close: () => Promise<unknown> | unknown): void {
    this.#closers.unshift(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** A TCP server on loopback; the result is its port. */
  async serve(onConnection: (socket: net.Socket) => void): Promise<number> {
    const open = new Set<net.Socket>();
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      onConnection(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.onClose(() => {
      for (const socket of open) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  /** A server that sends everything back and ends when its peer ends. */
  echo(): Promise<number> {
    return this.serve((socket) => socket.pipe(socket));
  }

  /** A UDP socket on loopback that sends everything back; the result is its port. */
  async udpEcho(): Promise<number> {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (data, from) => socket.send(data, from.port, from.address));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    this.onClose(() => socket.close());
    return socket.address().port;
  }

  /** A client connection; closed with the rig. */
  async connect(port: number): Promise<net.Socket> {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.onClose(() => socket.destroy());
    socket.on('error', () => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }
}

/** Below the ports that systems give to clients, so that no connection takes one between the choice and its use. */
const CHOSEN_PORTS = { from: 12_000, to: 32_000 };
const chosen = new Set<number>();

/** A port of 127.0.0.1 that is free for TCP and UDP, another at every call. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(CHOSEN_PORTS.from, CHOSEN_PORTS.to);
    if (chosen.has(port)) continue;
    chosen.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = net.createServer();
  const socket = dgram.createSocket('udp4');
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await Promise.all([
      new Promise((resolve) => server.close(resolve)),
      new Promise<void>((resolve) => socket.close(resolve)),
    ]);
  }
}

/** Everything a stream sends until it ends. */
export async function readAll(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The next `count` bytes of a stream. @throws Error when it ends before */
export async function readExactly(socket: net.Socket, count: number): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  while (bytes.length < count) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) {
      bytes = Buffer.concat([bytes, chunk]);
      continue;
    }
    if (socket.readableEnded || socket.destroyed)
      throw new Error(`ended after ${bytes.length} of ${count} bytes`);
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('readable', done).off('end', done).off('close', done);
        resolve();
      };
      socket.on('readable', done).on('end', done).on('close', done);
    });
  }
  if (bytes.length > count) socket.unshift(bytes.subarray(count));
  return bytes.subarray(0, count);
}

/** Waits until a condition holds, looking after every turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
