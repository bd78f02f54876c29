import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { RouteRig, readExactly } from '@sluice/route/testing/route-rig';
import { type GatewayOptions, gatewayYaml, startGateway, type TestGateway } from './gateway.ts';
import { runProgram } from './programs.ts';
import { SocksUdpClient } from './socks-udp-client.ts';
import { until } from './until.ts';

/** Keys of the `route` section. */
export type RouteKeys = Readonly<Record<string, unknown>>;

/** What a control API answered. */
type Api = { readonly status: number; readonly text: string };

/** One answer of a scripted web server; a missing one is a 404. */
type WebAnswer = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly delayMs?: number;
};

type WebRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
};

/** A web server whose answers a test changes while it runs. */
export type ScriptedWeb = {
  readonly base: string;
  readonly port: number;
  readonly answers: Map<string, WebAnswer | string | Buffer>;
  readonly requests: WebRequest[];
  close(): void;
};

/** The `route` section as JSON values, which YAML reads. */
export function routeYaml(keys: RouteKeys): string {
  return Object.entries(keys)
    .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
    .join('');
}

/** Gateways that live in one folder one after the other, and the servers, clients and programs around them. */
export class KernelScene {
  readonly rig = new RouteRig();
  #gateway: TestGateway | undefined;

  get folder(): string {
    return this.rig.dataDir;
  }

  /** The gateway that runs now. */
  get gateway(): TestGateway {
    assert.ok(this.#gateway !== undefined, 'no gateway runs');
    return this.#gateway;
  }

  /** Starts a gateway in the folder. */
  async start(keys: RouteKeys, options: Omit<GatewayOptions, 'route' | 'folder'> = {}): Promise<TestGateway> {
    this.#gateway = await startGateway({ ...options, route: routeYaml(keys), folder: this.folder });
    return this.#gateway;
  }

  async stop(): Promise<void> {
    const gateway = this.#gateway;
    this.#gateway = undefined;
    await gateway?.stop();
  }

  /** What `sluice.yaml` holds with other keys of the `route` section. */
  yaml(keys: RouteKeys): string {
    return gatewayYaml(this.gateway.ports, { route: routeYaml(keys) });
  }

  /** Ends the gateway, then everything around it. */
  async close(): Promise<void> {
    await this.stop();
    await this.rig.close();
  }

  async api(method: string, path: string, body?: unknown): Promise<Api> {
    const response = await fetch(`http://127.0.0.1:${this.gateway.ports.control}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests read answers member by member, and a wrong one fails them.
  async get(path: string): Promise<any> {
    const { status, text } = await this.api('GET', path);
    assert.equal(status, 200, `GET ${path}: ${text}`);
    return JSON.parse(text);
  }

  /** A SOCKS5 connection through a port of the gateway, the mixed one unless said otherwise. */
  async socks(host: string, port: number, through = this.gateway.ports.mixed): Promise<Socket> {
    const socket = await this.rig.connect(through);
    socket.write(Buffer.of(5, 1, 0));
    await readExactly(socket, 2);
    const address =
      net.isIP(host) === 4
        ? Buffer.of(1, ...host.split('.').map(Number))
        : Buffer.concat([Buffer.of(3, host.length), Buffer.from(host)]);
    socket.write(Buffer.concat([Buffer.of(5, 1, 0), address, Buffer.of(port >> 8, port & 255)]));
    const reply = await readExactly(socket, 10);
    assert.equal(reply[1], 0);
    return socket;
  }

  /** What a server sends back for `text` through SOCKS5: the text, or `refused` when the connection ends. */
  async talk(host: string, port: number, through?: number, text = 'ping'): Promise<string> {
    const socket = await this.socks(host, port, through);
    try {
      socket.write(text);
      return (await readExactly(socket, text.length)).toString();
    } catch {
      return 'refused';
    } finally {
      socket.destroy();
    }
  }

  /** A SOCKS5 UDP client of a port of the gateway, the mixed one unless said otherwise. */
  async socksUdp(through = this.gateway.ports.mixed): Promise<SocksUdpClient> {
    const client = await SocksUdpClient.open(through);
    this.rig.onClose(() => client.close());
    return client;
  }

  /** The chain and rule of the open connection that a test chooses. */
  async connection(
    choose: (connection: Readonly<Record<string, never>> & { metadata: Record<string, string> }) => boolean,
  ) {
    const { connections } = await this.get('/connections');
    return (connections ?? []).find(choose);
  }

  /** What dig prints of a question, one line for each record. */
  async dig(port: number, ...args: string[]): Promise<string[]> {
    const options = ['+noall', '+answer', '+tries=1', '+time=5', '-p', String(port), '@127.0.0.1'];
    const { code, stdout, stderr } = await runProgram('dig', [...options, ...args], { timeoutMs: 10_000 });
    assert.equal(code, 0, stderr + stdout);
    return stdout
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(/\s+/).slice(0, 5).join(' '));
  }

  /** Waits until the gateway has logged a line with a text. */
  logged(part: string): Promise<string> {
    return until(`the log line "${part}"`, () => this.gateway.log.find((line) => line.includes(part)));
  }

  /** Starts a web server with scripted answers by path. */
  async web(port = 0): Promise<ScriptedWeb> {
    const answers: ScriptedWeb['answers'] = new Map();
    const requests: WebRequest[] = [];
    const server = http.createServer((request, response) => {
      const { method = '', url = '', headers } = request;
      requests.push({ method, path: url, headers });
      const found = answers.get(url);
      const answer: WebAnswer =
        found === undefined
          ? { status: 404 }
          : typeof found === 'string' || Buffer.isBuffer(found)
            ? { body: found }
            : found;
      const send = () => response.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
      if (answer.delayMs === undefined) send();
      else setTimeout(send, answer.delayMs).unref();
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const bound = (server.address() as AddressInfo).port;
    const close = () => {
      server.close();
      server.closeAllConnections();
    };
    this.rig.onClose(close);
    return { base: `http://127.0.0.1:${bound}`, port: bound, answers, requests, close };
  }

  /** Runs a server program until the scene ends; resolves when its TCP port accepts. */
  async program(port: number, program: string, ...args: string[]): Promise<ChildProcess> {
    const child = spawn(program, args, { stdio: 'ignore', cwd: this.folder });
    const ended = once(child, 'exit');
    this.rig.onClose(async () => {
      child.kill();
      await ended;
    });
    await until(`${program} on port ${port}`, async () => {
      assert.equal(child.exitCode, null, `${program} ended`);
      const socket = net.connect(port, '127.0.0.1');
      const isUp = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      });
      socket.destroy();
      return isUp || undefined;
    });
    return child;
  }
}
