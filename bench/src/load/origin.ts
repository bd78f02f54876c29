// An HTTP and an HTTPS origin that answer every request with the same bytes.
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { failLoad, loadOptions, report } from './report.ts';

type Origin = {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly key: string;
  readonly certificate: string;
  readonly bodyBytes: number;
};

const options = loadOptions<Origin>();
const HEAD_END = '\r\n\r\n';
const body = '{"id":12345,"name":"a plain item","tags":["x","y"]},'
  .repeat(Math.ceil(options.bodyBytes / 52))
  .slice(0, options.bodyBytes);
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${options.bodyBytes}\r\n${HEAD_END.slice(2)}${body}`,
);

function serve(socket: Duplex): void {
  let rest = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    const text = rest + bytes.toString('latin1');
    const ends = text.split(HEAD_END);
    rest = ends.pop() ?? '';
    for (let count = 0; count < ends.length; count++) socket.write(answer);
  });
}

const http = createServer({ noDelay: true }, serve);
const https = createTlsServer({ noDelay: true, key: options.key, cert: options.certificate }, serve);
https.on('error', failLoad);
// A client may go away during its handshake.
https.on('tlsClientError', () => undefined);
http.listen(options.httpPort, '127.0.0.1', 1024, () =>
  https.listen(options.httpsPort, '127.0.0.1', 1024, () => report('ready')),
);
