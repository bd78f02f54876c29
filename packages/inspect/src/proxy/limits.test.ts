import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import type { ResponseRewrite, ResponseRewriter } from './services.ts';
import {
  bodyText,
  type Fixture,
  type FixtureOptions,
  type Origin,
  openFixture,
  openOrigin,
  Peer,
} from './testing/fixture.ts';

type Stage = {
  readonly fixture: Fixture;
  readonly client: Peer;
  readonly origin: Origin;
  server(): Promise<Peer>;
};

async function stage(options: FixtureOptions, run: (stage: Stage) => Promise<void>): Promise<void> {
  const fixture = await openFixture(options);
  const arrived: Peer[] = [];
  const waiting: (() => void)[] = [];
  const origin = await openOrigin((socket) => {
    arrived.push(new Peer(socket));
    for (const wake of waiting.splice(0)) wake();
  });
  const client = Peer.connect(fixture.port);
  const server = async (): Promise<Peer> => {
    while (arrived.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    return arrived.shift() as Peer;
  };
  try {
    await run({ fixture, client, origin, server });
  } finally {
    client.stream.destroy();
    origin.close();
    await fixture.close();
  }
}

/** Waits until the proxy has looked at what was sent, which only its open connections tell. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

/** Lets time pass until something has come of it: on a busy machine a deadline may be set later than the test expects. */
async function inTime<T>(clock: FakeClock, outcome: Promise<T>): Promise<T> {
  let isPending = true;
  const done = () => {
    isPending = false;
  };
  outcome.then(done, done);
  while (isPending) {
    clock.advance(5_000);
    await settle();
  }
  return outcome;
}

test('a head that trickles in is given 30 seconds', async () => {
  const clock = new FakeClock();
  await stage({ clock }, async ({ client }) => {
    client.send('GET http://a.test/ HTTP/1.1\r\nHost:');
    await settle();
    clock.advance(29_000);
    client.send(' a');
    await settle();
    assert.match(await inTime(clock, client.rest()), /^HTTP\/1.1 408 /);
  });
});

test('a silent connection is closed', async () => {
  const clock = new FakeClock();
  await stage({ clock }, async ({ client, fixture }) => {
    await settle();
    assert.equal(fixture.proxy.connections, 1);
    assert.equal(await inTime(clock, client.rest()), '');
    while (fixture.proxy.connections > 0) await settle();
    assert.equal(fixture.services.deadlines.size, 0);
  });
});

test('a request body that stops is answered with 408, a server that never answers with 504', async () => {
  const clock = new FakeClock();
  await stage({ clock }, async ({ client, origin, server, fixture }) => {
    client.send(`POST http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc`);
    await (await server()).expect('abc');
    assert.match(await inTime(clock, client.rest()), /^HTTP\/1.1 408 /);
    assert.match((await fixture.sink.at(0)).error, /took too long/);

    const patient = Peer.connect(fixture.port).send(
      `GET http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    await (await server()).expect('\r\n\r\n');
    assert.match(await inTime(clock, patient.expect(/answer\n$/)), /^HTTP\/1.1 504 /);
    patient.stream.destroy();
  });
});

test('a client that does not read holds the server back', async () => {
  await stage({}, async ({ client, origin, server }) => {
    client.send(`GET http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    client.stream.pause();
    const total = 64 * 1024 * 1024;
    upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    const block = Buffer.alloc(1024 * 1024);
    let sent = 0;
    while (sent < total && upstream.stream.write(block)) sent += block.length;
    for (let round = 0; round < 20; round++) {
      await settle();
      while (sent < total && !upstream.stream.writableNeedDrain) {
        upstream.stream.write(block);
        sent += block.length;
      }
    }
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were taken`);
    const count = { bytes: 0 };
    client.stream.on('data', (chunk: Buffer) => {
      count.bytes += chunk.length;
    });
    client.stream.resume();
    while (sent < total) {
      if (upstream.stream.writableNeedDrain)
        await new Promise((resolve) => upstream.stream.once('drain', resolve));
      upstream.stream.write(block);
      sent += block.length;
    }
    while (count.bytes < total) await settle();
  });
});

test('a server that does not read holds the client back', async () => {
  await stage({}, async ({ client, origin, server }) => {
    const total = 64 * 1024 * 1024;
    client.send(`POST http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.stream.pause();
    const block = Buffer.alloc(1024 * 1024);
    let sent = 0;
    for (let round = 0; round < 20; round++) {
      while (sent < total && !client.stream.writableNeedDrain) {
        client.stream.write(block);
        sent += block.length;
      }
      await settle();
    }
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were taken`);
  });
});

test('bodies are kept up to the limit and counted beyond it', async () => {
  await stage({ settings: { bodyLimitBytes: 10 } }, async ({ client, origin, server, fixture }) => {
    client.send(
      `POST http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n0123456789abcdefghij`,
    );
    const upstream = await server();
    await upstream.expect('j');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789');
    await client.expect('6789');
    const { request, response } = await fixture.sink.at(0);
    assert.deepEqual(
      { ...request.body, chunks: bodyText(request.body) },
      { chunks: '0123456789', storedBytes: 10, sizeBytes: 20, truncated: true },
    );
    assert.equal(response?.body.truncated, false);
    assert.equal(fixture.services.budget.inFlightBytes, 0);
  });
});

/** One rule for everything. */
function always(apply: ResponseRewrite['apply']): ResponseRewriter {
  return { active: true, find: () => ({ id: 'rule_1', name: 'all', matchedRules: 2, apply }) };
}

test('a rule changes the answer, which is framed anew', async () => {
  const rewriter = always((response) => ({
    status: 203,
    statusText: '',
    headers: [
      ...response.headers,
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', '999'],
      ['X-New', '1'],
    ],
    body: Buffer.from(`<${response.body.toString()}>`),
  }));
  await stage({ rewriter }, async ({ client, origin, server, fixture }) => {
    client.send(`GET http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Old: 1\r\n\r\n3\r\nabc\r\n');
    upstream.send('2\r\nde\r\n0\r\n\r\n');
    assert.equal(
      await client.expect('<abcde>'),
      'HTTP/1.1 203 Non-Authoritative Information\r\nX-Old: 1\r\nX-New: 1\r\nContent-Length: 7\r\n\r\n<abcde>',
    );
    const exchange = await fixture.sink.at(0);
    assert.equal(exchange.response?.status, 200);
    assert.equal(bodyText(exchange.response!.body), 'abcde');
    assert.equal(exchange.modified?.status, 203);
    assert.equal(bodyText(exchange.modified!.body), '<abcde>');
    assert.deepEqual(exchange.rule, { id: 'rule_1', name: 'all', matchedRules: 2 });
  });
});

test('answers that are more than memory may hold go on unchanged', async () => {
  const rewriter = always((response) => ({ ...response, body: Buffer.from('changed') }));
  const budgetBytes = 1000;
  await stage({ rewriter, budgetBytes }, async ({ client, origin, server, fixture }) => {
    let upstream: Peer | undefined;
    for (const [size, expected] of [
      [400, 'changed'],
      [600, 'x'.repeat(600)],
      [400, 'changed'],
    ] as const) {
      client.send(`GET http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
      upstream ??= await server();
      await upstream.expect('\r\n\r\n');
      upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size - 1)}`);
      await settle();
      upstream.send('x');
      await client.expect(`\r\n\r\n${expected}`);
    }
    assert.equal(fixture.services.budget.inFlightBytes, 0);
  });
});

test('a body that a status forbids is kept but not sent', async () => {
  const rewriter = always(() => ({
    status: 204,
    statusText: 'None',
    headers: [],
    body: Buffer.from('secret'),
  }));
  await stage({ rewriter }, async ({ client, origin, server, fixture }) => {
    const get = `GET http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    client.send(get);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
    assert.equal(await client.rest(), 'HTTP/1.1 204 None\r\n\r\n');
    assert.equal(bodyText((await fixture.sink.at(0)).modified!.body), 'secret');
  });
});

test('a rule cannot smuggle: what it makes is checked like what comes in', async () => {
  const rewriter = always(() => ({
    status: 200,
    statusText: 'OK',
    headers: [['X', 'a\r\nSet-Cookie: b']],
    body: Buffer.alloc(0),
  }));
  await stage({ rewriter }, async ({ client, origin, server }) => {
    client.send(`GET http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
    const answer = await client.rest();
    assert.match(answer, /^HTTP\/1.1 502 /);
    assert.doesNotMatch(answer, /Set-Cookie/);
  });
});

test('a rule that breaks costs its exchange, nothing else', async () => {
  const rewriter = always(() => {
    throw new TypeError('broken rule');
  });
  await stage({ rewriter }, async ({ client, origin, server, fixture }) => {
    client.send(`GET http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.stream.end('HTTP/1.1 200 OK\r\n\r\nx');
    assert.match(await client.expect(/on\n$/), /^HTTP\/1.1 502 /);
    assert.match((await fixture.sink.at(0)).error, /could not be passed on/);
  });
});

test('what is not HTTP is refused at its first byte', async () => {
  await stage({}, async ({ client }) => {
    client.send('\x16\x03\x01');
    assert.match(await client.rest(), /^HTTP\/1.1 400 /);
  });
});

test('an event stream is never held back for a rule', async () => {
  const rewriter = always(() => assert.fail('must not be asked'));
  await stage({ rewriter }, async ({ client, origin, server }) => {
    client.send(`GET http://a.test:${origin.port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await server();
    await upstream.expect('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
    await client.expect('\r\n\r\n');
    upstream.send('data: 1\n\n');
    await client.expect('data: 1\n\n');
  });
});
