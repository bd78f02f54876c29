import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { bodyText, type Fixture, type Origin, openFixture, openOrigin, Peer } from './testing/fixture.ts';

let fixture: Fixture;
before(async () => {
  fixture = await openFixture();
});
after(() => fixture.close());
beforeEach(() => fixture.sink.exchanges.splice(0));

/** Runs one transcript between a client and a server with the proxy in between. */
async function scene(
  run: (client: Peer, origin: Origin, server: () => Promise<Peer>) => Promise<void>,
): Promise<void> {
  const peers: Peer[] = [];
  const waiting: (() => void)[] = [];
  const origin = await openOrigin((socket) => {
    peers.push(new Peer(socket));
    for (const wake of waiting.splice(0)) wake();
  });
  let next = 0;
  const server = async (): Promise<Peer> => {
    while (peers[next] === undefined) await new Promise<void>((resolve) => waiting.push(resolve));
    return peers[next++] as Peer;
  };
  const client = Peer.connect(fixture.port);
  try {
    await run(client, origin, server);
  } finally {
    client.stream.destroy();
    origin.close();
  }
}

test('an absolute-form request goes out in origin form, with nothing added', async () => {
  await scene(async (client, { port }, server) => {
    client.send(
      `GET http://a.test:${port}/x?y HTTP/1.1\r\nHost: other\r\nX-Case: Kept\r\nProxy-Connection: keep-alive\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n`,
    );
    const upstream = await server();
    assert.equal(
      await upstream.expect('\r\n\r\n'),
      `GET /x?y HTTP/1.1\r\nHost: a.test:${port}\r\nX-Case: Kept\r\n\r\n`,
    );
    upstream.send('HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nX-UP: 1\r\nKeep-Alive: timeout=5\r\n\r\nhello');
    assert.equal(
      await client.expect('hello'),
      'HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nX-UP: 1\r\n\r\nhello',
    );
    const exchange = await fixture.sink.at(0);
    assert.equal(exchange.request.url, `http://a.test:${port}/x?y`);
    assert.equal(exchange.request.host, 'a.test');
    assert.deepEqual(exchange.request.headers[0], ['Host', 'other']);
    assert.deepEqual(exchange.response?.headers[2], ['Keep-Alive', 'timeout=5']);
    assert.equal(exchange.response?.status, 200);
    assert.equal(bodyText(exchange.response!.body), 'hello');
    assert.equal(exchange.error, '');
    assert.deepEqual(exchange.route, ['DIRECT']);
    assert.match(exchange.flowId, /^flow-/);
    assert.equal(exchange.clientIp, '127.0.0.1');
    assert.ok((exchange.timing.endedMs ?? 0) >= exchange.timing.startedMs);
  });
});

test('a target beyond ASCII goes out as it came and is recorded so that it parses', async () => {
  await scene(async (client, { port }, server) => {
    const target = Buffer.from('/文?q=中').toString('latin1');
    client.send(`GET http://a.test:${port}${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    assert.ok((await upstream.expect('\r\n\r\n')).startsWith(`GET ${target} HTTP/1.1\r\n`));
    upstream.send('HTTP/1.1 204 No Content\r\n\r\n');
    await client.expect('\r\n\r\n');
    const { request } = await fixture.sink.at(0);
    assert.equal(new URL(request.url).href, request.url);
    assert.equal(decodeURIComponent(request.url), `http://a.test:${port}/文?q=中`);
  });
});

test('both sides are kept and reused, also for pipelined requests', async () => {
  await scene(async (client, { port, sockets }, server) => {
    const get = (path: string): string =>
      `GET http://a.test:${port}${path} HTTP/1.1\r\nHost: a.test:${port}\r\n\r\n`;
    client.send(get('/1') + get('/2') + get('/3'));
    const upstream = await server();
    for (const path of ['/1', '/2', '/3']) {
      assert.match(await upstream.expect('\r\n\r\n'), new RegExp(`^GET ${path} `));
      upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${path}`);
      await client.expect(path);
    }
    assert.equal(sockets.length, 1);
    assert.equal((await fixture.sink.at(2)).request.url, `http://a.test:${port}/3`);
  });
});

test('a request body streams, of known length and chunked with trailers', async () => {
  await scene(async (client, { port }, server) => {
    client.send(`POST http://a.test:${port}/l HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234`);
    const upstream = await server();
    await upstream.expect('01234');
    client.send('56789');
    await upstream.expect('56789');
    upstream.send('HTTP/1.1 204 No Content\r\n\r\n');
    await client.expect('\r\n\r\n');
    client.send(
      `POST http://a.test:${port}/c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3;ext\r\nabc\r\n`,
    );
    assert.match(
      await upstream.expect('abc\r\n'),
      /Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n$/,
    );
    client.send('2\r\nde\r\n0\r\nX-T: v\r\n\r\n');
    assert.equal(await upstream.expect('X-T: v\r\n\r\n'), '2\r\nde\r\n0\r\nX-T: v\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    assert.match(await client.expect('hello\r\n'), /Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n$/);
    upstream.send('0\r\nGrpc-Status: 0\r\n\r\n');
    assert.equal(await client.expect('\r\n\r\n'), '0\r\nGrpc-Status: 0\r\n\r\n');
    const exchange = await fixture.sink.at(1);
    assert.equal(bodyText(exchange.request.body), 'abcde');
    assert.deepEqual(exchange.request.trailers, [['X-T', 'v']]);
    assert.equal(bodyText(exchange.response!.body), 'hello');
    assert.deepEqual(exchange.response?.trailers, [['Grpc-Status', '0']]);
  });
});

test('an answer that ends by closing is chunked for the client, whose connection stays', async () => {
  await scene(async (client, { port }, server) => {
    client.send(`GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\npart one ');
    await client.expect('part one ');
    upstream.stream.end('part two');
    assert.match(await client.expect('0\r\n\r\n'), /8\r\npart two\r\n0\r\n\r\n$/);
    client.send(`GET http://a.test:${port}/2 HTTP/1.1\r\nHost: a\r\n\r\n`);
    const second = await server();
    await second.expect('GET /2 ');
    second.send('HTTP/1.1 204 No Content\r\n\r\n');
    await client.expect('204 No Content');
  });
});

test('a 1.0 client gets the body unchunked and the connection closed', async () => {
  await scene(async (client, { port }, server) => {
    client.send(`GET http://a.test:${port}/ HTTP/1.0\r\n\r\n`);
    const upstream = await server();
    assert.equal(await upstream.expect('\r\n\r\n'), `GET / HTTP/1.1\r\nHost: a.test:${port}\r\n\r\n`);
    upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
    assert.equal(await client.rest(), 'HTTP/1.1 200 OK\r\n\r\nhello');
  });
});

test('HEAD and 304 have no body whatever their headers say', async () => {
  await scene(async (client, { port }, server) => {
    client.send(`HEAD http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    assert.match(await client.expect('\r\n\r\n'), /Content-Length: 1000/);
    client.send(`GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n');
    await client.expect('304 Not Modified');
    assert.equal((await fixture.sink.at(1)).response?.body.sizeBytes, 0);
  });
});

test('Expect: 100-continue and early hints are relayed', async () => {
  await scene(async (client, { port }, server) => {
    client.send(
      `PUT http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`,
    );
    const upstream = await server();
    assert.match(await upstream.expect('\r\n\r\n'), /Expect: 100-continue/);
    upstream.send('HTTP/1.1 100 Continue\r\n\r\n');
    assert.equal(await client.expect('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
    client.send('body');
    await upstream.expect('body');
    upstream.send(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    );
    assert.match(await client.expect('200 OK\r\n'), /103 Early Hints\r\nLink: <\/a>/);
    assert.equal((await fixture.sink.at(0)).response?.status, 200);
  });
});

test('a server that sends interim answers without end is given up', async () => {
  await scene(async (client, { port }, server) => {
    client.send(`GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 102 Processing\r\n\r\n'.repeat(65));
    assert.match(await client.rest(), /HTTP\/1.1 502 Bad Gateway/);
    assert.match((await fixture.sink.at(0)).error, /too-many-interim-responses/);
  });
});

test('a final answer before the body is complete reaches the client', async () => {
  await scene(async (client, { port }, server) => {
    client.send(`PUT http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx`);
    const upstream = await server();
    await upstream.expect('\r\n\r\nx');
    upstream.send('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig');
    assert.match(await client.rest(), /413 Too Large[\s\S]*big$/);
    const exchange = await fixture.sink.at(0);
    assert.equal(exchange.response?.status, 413);
    assert.equal(exchange.request.body.truncated, true);
  });
});

test('an upgrade becomes a raw relay', async () => {
  await scene(async (client, { port }, server) => {
    client.send(
      `GET http://a.test:${port}/ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    const upstream = await server();
    assert.match(await upstream.expect('\r\n\r\n'), /Upgrade: websocket\r\nConnection: Upgrade\r\n/);
    upstream.send(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfrom server',
    );
    assert.match(
      await client.expect('from server'),
      /^HTTP\/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n/,
    );
    client.send('\x81from client');
    await upstream.expect('\x81from client');
    assert.equal((await fixture.sink.at(0)).response?.status, 101);
    client.stream.end();
    upstream.stream.end('last words');
    assert.equal(await client.rest(), 'last words');
  });
});

test('a request on a connection that the server had just closed is sent again', async () => {
  await scene(async (client, { port }, server) => {
    const get = `GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`;
    client.send(get);
    const first = await server();
    await first.expect('\r\n\r\n');
    first.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1');
    await client.expect('\r\n\r\n1');
    client.send(get);
    await first.expect('\r\n\r\n');
    first.stream.destroy();
    const second = await server();
    await second.expect('\r\n\r\n');
    second.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2');
    await client.expect('\r\n\r\n2');
    assert.equal(fixture.sink.exchanges.length, 2);
  });
});

test('a POST is never sent twice', async () => {
  await scene(async (client, { port }, server) => {
    const post = `POST http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
    client.send(post);
    const first = await server();
    await first.expect('\r\n\r\n');
    first.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1');
    await client.expect('\r\n\r\n1');
    client.send(post);
    await first.expect('\r\n\r\n');
    first.stream.destroy();
    assert.match(await client.expect(/502 Bad Gateway[\s\S]*\n$/), /the server/);
    assert.match((await fixture.sink.at(1)).error, /the server/);
  });
});

test('a server that cannot be reached is answered for with 502, and the connection goes on', async () => {
  await scene(async (client, origin, server) => {
    client.send('GET http://a.test:1/ HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match(
      await client.expect(/ECONNREFUSED.*\n$/),
      /^HTTP\/1.1 502 Bad Gateway\r\nContent-Type: text\/plain/,
    );
    const exchange = await fixture.sink.at(0);
    assert.equal(exchange.response, undefined);
    assert.match(exchange.error, /connecting to a\.test:1 failed/);
    client.send(`GET http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('GET / ');
    upstream.send('HTTP/1.1 204 No Content\r\n\r\n');
    await client.expect('204 No Content');
  });
});

test('an answer cut short never looks complete', async () => {
  await scene(async (client, { port }, server) => {
    client.send(`GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await client.expect('hello\r\n');
    upstream.stream.destroy();
    assert.equal(await client.rest(), '');
    const exchange = await fixture.sink.at(0);
    assert.match(exchange.error, /closed/);
    assert.equal(exchange.response?.body.truncated, true);
  });
});

test('a client that leaves takes the upstream with it', async () => {
  await scene(async (client, { port, sockets }, server) => {
    client.send(`GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx');
    await client.expect('\r\n\r\nx');
    client.stream.destroy();
    // The first bytes after it has gone provoke the reset that tells a departure from a half-close.
    const sending = setInterval(() => upstream.stream.write('y'), 5);
    await upstream.rest();
    clearInterval(sending);
    assert.match((await fixture.sink.at(0)).error, /the client closed/);
    assert.equal(sockets.length, 1);
  });
});

test('a client may close its side after the request', async () => {
  await scene(async (client, { port }, server) => {
    client.stream.end(`GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
    assert.match(await client.rest(), /hello$/);
  });
});

const REFUSED: readonly (readonly [name: string, request: string, status: number])[] = [
  ['a request for the proxy itself', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  [
    'two lengths',
    'POST http://a.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
    400,
  ],
  [
    'both framings',
    'POST http://a.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['obs-fold', 'GET http://a.test/ HTTP/1.1\r\nHost: a\r\n b\r\n\r\n', 400],
  ['two hosts', 'GET http://a.test/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['HTTP/2 without TLS', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['too many headers', `GET http://a.test/ HTTP/1.1\r\nHost: a\r\n${'A: 1\r\n'.repeat(250)}\r\n`, 431],
  ['a huge head', `GET http://a.test/ HTTP/1.1\r\nHost: a\r\nA: ${'b'.repeat(70_000)}\r\n\r\n`, 431],
  ['garbage', '\x00\x01\x02\r\n\r\n', 400],
  ['a scheme nobody speaks', 'GET ftp://a.test/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
];

for (const [name, request, status] of REFUSED) {
  test(`refuses ${name}`, async () => {
    await scene(async (client) => {
      client.send(request);
      assert.match(
        await client.rest(),
        new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*Connection: close\r\n\r\n${status} `),
      );
      assert.equal(
        fixture.dialer.requests.some(({ port }) => port === 80),
        false,
      );
    });
  });
}

test('malformed chunks in a request end the exchange with 400', async () => {
  await scene(async (client, { port }, server) => {
    client.send(`POST http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    client.send('zz\r\n');
    assert.match(await client.rest(), /^HTTP\/1.1 400 /);
    await upstream.rest();
    assert.match((await fixture.sink.at(0)).error, /malformed/);
  });
});

test('a malformed answer becomes 502', async () => {
  for (const answer of [
    'garbage\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    `HTTP/1.1 200 OK\r\n${'A: 1\r\n'.repeat(300)}\r\n`,
  ]) {
    await scene(async (client, { port }, server) => {
      client.send(`GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
      const upstream = await server();
      await upstream.expect('\r\n\r\n');
      upstream.send(answer);
      assert.match(await client.expect(/\n$/), /^HTTP\/1.1 502 /, answer);
    });
  }
});

test('the proxy does not connect to itself', async () => {
  await scene(async (client) => {
    client.send(`GET http://127.0.0.1:${fixture.port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.match(await client.expect(/itself\n$/), /^HTTP\/1.1 403 /);
    client.send(`CONNECT 127.0.0.1:${fixture.port} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.match(await client.rest(), /^HTTP\/1.1 403 /);
  });
});

test('a server that sends more than it announced loses its connection, not the client', async () => {
  await scene(async (client, { port, sockets }, server) => {
    const get = `GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`;
    client.send(get);
    const first = await server();
    await first.expect('\r\n\r\n');
    first.send(
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison',
    );
    await client.expect('\r\n\r\n1');
    client.send(get);
    const second = await server();
    await second.expect('\r\n\r\n');
    second.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2');
    assert.doesNotMatch(await client.expect('\r\n\r\n2'), /poison/);
    assert.equal(sockets.length, 2);
  });
});
