import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type Fixture, type Origin, openFixture, openOrigin, Peer } from './testing/fixture.ts';

let fixture: Fixture;
let origin: Origin;
before(async () => {
  fixture = await openFixture();
  // Answers anything with whatever the request asks for in its target, as bytes.
  origin = await openOrigin((socket) => {
    socket.on('data', (bytes: Buffer) => {
      const asked = /\/([0-9a-f]*)/.exec(bytes.toString('latin1'))?.[1] ?? '';
      socket.end(Buffer.from(asked, 'hex'));
      if (asked.length % 4 === 2) socket.destroy();
    });
    socket.on('end', () => socket.end());
  });
});
after(async () => {
  origin.close();
  await fixture.close();
});

/** Sends pieces on a new connection, closes its side and waits for the end. */
async function provoke(pieces: readonly Uint8Array[]): Promise<void> {
  const socket = connect({ port: fixture.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => socket.destroy());
  socket.resume();
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  if (!socket.destroyed) await new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  socket.destroy();
}

async function stillServes(): Promise<void> {
  const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!!')
    .subarray(0, 40)
    .toString('hex');
  const peer = Peer.connect(fixture.port);
  peer.send(`GET http://a.test:${origin.port}/${answer} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await peer.expect('\r\n\r\nok');
  peer.stream.destroy();
}

const words = fc.constantFrom(
  'GET ',
  'POST ',
  'CONNECT ',
  'http://a.test:1/',
  'a.test:1',
  ' HTTP/1.1\r\n',
  ' HTTP/1.0\r\n',
  '\r\n',
  'Host: a\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: Upgrade\r\nUpgrade: x\r\n',
  '5\r\nhello\r\n',
  '0\r\n\r\n',
  '\x16\x03\x01\x00\x05',
  '\0',
  '\n',
);

test('no input of clients brings the proxy down or leaves anything behind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 12 }), async (pieces) => {
      await provoke(pieces.map((piece) => Buffer.from(piece, 'latin1')));
    }),
    { numRuns: 150 },
  );
  await fc.assert(fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 4 }), provoke), {
    numRuns: 50,
  });
  await stillServes();
});

test('no answer of servers does', async () => {
  const answers = fc.constantFrom(
    'HTTP/1.1 ',
    '200 OK',
    '101 Switching Protocols',
    '100 Continue',
    '\r\n',
    '\r\n\r\n',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
    'abc',
    '3\r\nabc\r\n',
    '0\r\n\r\n',
    'Upgrade: x\r\nConnection: Upgrade\r\n',
    '\0',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(answers, { minLength: 1, maxLength: 10 }), async (pieces) => {
      const asked = Buffer.from(`HTTP/1.1 200 OK\r\n${pieces.join('')}`, 'latin1').toString('hex');
      await provoke([
        Buffer.from(
          `GET http://a.test:${origin.port}/${asked} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
        ),
      ]);
    }),
    { numRuns: 150 },
  );
  await stillServes();
});

test('every connection and every kept byte is given back', async () => {
  for (let round = 0; round < 200 && fixture.proxy.connections > 0; round++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(fixture.proxy.connections, 0);
  assert.equal(fixture.services.deadlines.size, 0);
  assert.equal(fixture.services.budget.inFlightBytes, 0);
});
