import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import {
  clientHelloWants,
  looksLikeTls,
  MAX_CLIENT_HELLO_BYTES,
  parseClientHello,
  parseHandshake,
} from './client-hello.ts';

let hello: Buffer;

/** The first flight of a real client. */
async function captureHello(options: { servername?: string; ALPNProtocols?: string[] }): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const accepted = new Promise<Buffer>((resolve) => {
    server.on('connection', (socket: Socket) => {
      socket.once('data', (bytes) => {
        resolve(Buffer.from(bytes));
        socket.destroy();
        server.close();
      });
    });
  });
  const client = connectTls({ socket: connect(port, '127.0.0.1'), ...options });
  client.on('error', () => client.destroy());
  return accepted;
}

before(async () => {
  hello = await captureHello({ servername: 'A.Example.test', ALPNProtocols: ['h2', 'http/1.1'] });
});

/** The same handshake bytes cut into records of at most `size` bytes. */
function inRecords(size: number): Buffer {
  const message = hello.subarray(5);
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const fragment = message.subarray(at, at + size);
    parts.push(Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 255]), fragment);
  }
  return Buffer.concat(parts);
}

test('a real hello is read', () => {
  assert.deepEqual(parseClientHello(hello), {
    sni: 'a.example.test',
    alpn: ['h2', 'http/1.1'],
    versions: [0x0304, 0x0303],
    ech: false,
  });
});

test('a hello without server name and ALPN', async () => {
  const parsed = parseClientHello(await captureHello({}));
  assert.equal(parsed?.sni, undefined);
  assert.deepEqual(parsed?.alpn, []);
});

test('every prefix asks for more, over records of any size', () => {
  const expected = parseClientHello(hello);
  for (const bytes of [hello, inRecords(100), inRecords(3), inRecords(1)]) {
    for (let end = 0; end < bytes.length; end++)
      assert.equal(parseClientHello(bytes.subarray(0, end)), undefined);
    assert.deepEqual(parseClientHello(bytes), expected);
    assert.deepEqual(parseClientHello(Buffer.concat([bytes, Buffer.from([20, 3, 3, 0, 1, 1])])), expected);
  }
});

test('a hello without records, as QUIC carries it', () => {
  const message = hello.subarray(5);
  assert.deepEqual(parseHandshake(Buffer.concat([message, Buffer.of(1, 2, 3)])), parseClientHello(hello));
  for (let end = 0; end < message.length; end++)
    assert.equal(parseHandshake(message.subarray(0, end)), undefined);
  assert.throws(() => parseHandshake(Buffer.of(2)), { code: 'not-client-hello' });
});

test('how much a hello wants is known from its records', () => {
  assert.equal(clientHelloWants(hello.subarray(0, 3)), 5);
  assert.equal(clientHelloWants(hello.subarray(0, 5)), hello.length);
  assert.equal(clientHelloWants(hello.subarray(0, hello.length - 1)), hello.length);
  assert.equal(clientHelloWants(inRecords(100).subarray(0, 105)), 110);
  assert.equal(clientHelloWants(inRecords(100).subarray(0, 111)), 210);
});

test('what is not a hello is refused at once', () => {
  assert.throws(() => parseClientHello(Buffer.from('GET / HTTP/1.1\r\n')), { code: 'not-handshake' });
  assert.throws(() => parseClientHello(Buffer.from([22, 3, 1, 0, 0])), { code: 'bad-record' });
  assert.throws(() => parseClientHello(Buffer.from([22, 3, 1, 0xff, 0xff])), { code: 'bad-record' });
  assert.throws(() => parseClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), {
    code: 'not-client-hello',
  });
  assert.throws(() => parseClientHello(Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0, 0])), {
    code: 'hello-too-large',
  });
  assert.throws(() => parseClientHello(Buffer.from([22, 3, 1, 0, 8, 1, 0, 0, 4, 3, 3, 0, 0])), {
    code: 'truncated',
  });
  assert.equal(looksLikeTls(Buffer.from([22])), true);
  assert.equal(looksLikeTls(Buffer.from([22, 4])), false);
  assert.equal(looksLikeTls(Buffer.alloc(0)), false);
});

test('a hello that never ends is bounded', () => {
  const record = Buffer.concat([Buffer.from([22, 3, 1, 0, 1]), Buffer.from([0])]);
  const first = Buffer.from([22, 3, 1, 0, 4, 1, 0, 0xff, 0]);
  const flood = Buffer.concat([first, ...Array.from({ length: MAX_CLIENT_HELLO_BYTES / 6 }, () => record)]);
  assert.throws(() => parseClientHello(flood), { code: 'hello-too-large' });
});

test('only ProtocolError comes out of damaged hellos', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 8 }), (edits) => {
      const damaged = Buffer.from(hello);
      for (const [at, byte] of edits) if (at < damaged.length) damaged[at] = byte;
      try {
        parseClientHello(damaged);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
