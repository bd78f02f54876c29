// Sends requests through an HTTP proxy: plain or over TLS in a tunnel, on kept connections or a new one each.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { failLoad, loadOptions, measureWindow } from './report.ts';

type HttpLoad = {
  readonly proxyPort: number;
  readonly originPort: number;
  readonly host: string;
  readonly tls: boolean;
  readonly keepAlive: boolean;
  readonly connections: number;
  readonly bodyBytes: number;
  readonly seconds: number;
};

const options = loadOptions<HttpLoad>();
const authority = `127.0.0.1:${options.originPort}`;
const target = options.tls ? '/items?page=1' : `http://${authority}/items?page=1`;
const host = options.tls ? `${options.host}:${options.originPort}` : authority;
const connectionLine = options.keepAlive ? 'Connection: keep-alive' : 'Connection: close';
// Proxies that go by the header written for them see it too, as from curl.
const proxyLine = options.tls ? '' : 'Proxy-Connection: Keep-Alive\r\n';
const request = Buffer.from(
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: load\r\nAccept: */*\r\n${proxyLine}${connectionLine}\r\n\r\n`,
);
const tunnel = Buffer.from(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
const HEAD_END = Buffer.from('\r\n\r\n');
const FIRST_LINE = Buffer.from('HTTP/1.1 200');
let done = 0;
let failed = 0;
let closed = 0;
let lastFailure = '';

/** Sends one request, then the next when the whole answer is there. */
function drive(stream: Socket): void {
  let head: Buffer | undefined;
  let missing = 0;
  stream.on('data', (bytes: Buffer) => {
    let rest = bytes;
    if (missing === 0) {
      head = head === undefined ? bytes : Buffer.concat([head, bytes]);
      const end = head.indexOf(HEAD_END);
      if (end < 0) return;
      if (!head.subarray(0, FIRST_LINE.length).equals(FIRST_LINE))
        failLoad(`unexpected answer: ${head.subarray(0, 200)}`);
      rest = head.subarray(end + HEAD_END.length);
      head = undefined;
      missing = options.bodyBytes;
    }
    missing -= rest.length;
    if (missing > 0) return;
    if (missing < 0) failLoad('an answer was longer than its body');
    done += 1;
    if (options.keepAlive) stream.write(request);
    else stream.destroy();
  });
  stream.write(request);
}

function open(): void {
  const socket = connect({ host: '127.0.0.1', port: options.proxyPort, noDelay: true });
  socket.on('error', (error) => {
    failed += 1;
    lastFailure = error.message;
  });
  socket.once('close', () => {
    closed += 1;
    open();
  });
  socket.once('connect', () => {
    if (!options.tls) return drive(socket);
    socket.write(tunnel);
    socket.once('data', (bytes) => {
      if (!bytes.toString('latin1').startsWith('HTTP/1.1 200')) failLoad(`the tunnel was refused: ${bytes}`);
      const secure = connectTls({ socket, servername: options.host, rejectUnauthorized: false });
      secure.on('error', (error) => {
        failed += 1;
        lastFailure = error.message;
        socket.destroy();
      });
      secure.once('close', () => socket.destroy());
      secure.once('secureConnect', () => drive(secure));
    });
  });
}

for (let index = 0; index < options.connections; index++) open();
await measureWindow(1_500, options.seconds, () => ({ requests: done, failed, closed }));
if (done === 0) failLoad(`no request came through: ${lastFailure}`);
