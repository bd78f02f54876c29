import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { openFixture, openOrigin, Peer } from './testing/fixture.ts';

type Scene = {
  readonly clock: FakeClock;
  /** Sends a request on a new client connection; resolves once its answer is there and the connection closed. */
  exchange(request: string, answer?: string): Promise<void>;
  /** Connections the origin has accepted. */
  accepted(): number;
  /** Resolves when the origin has seen its newest connection end. */
  lastEnded(): Promise<unknown>;
};

async function scene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const clock = new FakeClock();
  const fixture = await openFixture({ clock });
  const ends: Promise<unknown>[] = [];
  let answer = '';
  const origin = await openOrigin((socket) => {
    socket.on('data', () => socket.write(answer));
    ends.push(new Promise((resolve) => socket.on('end', resolve).on('close', resolve)));
    socket.on('end', () => socket.end());
  });
  const exchange = async (request: string, text = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok') => {
    answer = text;
    const client = Peer.connect(fixture.port);
    client.send(request.replaceAll('HOST', `a.test:${origin.port}`));
    await client.rest();
    client.stream.destroy();
  };
  try {
    await run({
      clock,
      exchange,
      accepted: () => origin.sockets.length,
      lastEnded: () => ends.at(-1) ?? Promise.resolve(),
    });
  } finally {
    await fixture.close();
    origin.close();
  }
}

const GET = 'GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n';
const POST = 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx';

test('the next client connection goes on with the upstream of the last', async () => {
  await scene(async ({ exchange, accepted }) => {
    for (let count = 0; count < 3; count++) await exchange(GET);
    assert.equal(accepted(), 1);
  });
});

test('a request that cannot be repeated gets an upstream of its own', async () => {
  await scene(async ({ exchange, accepted }) => {
    await exchange(GET);
    await exchange(POST);
    assert.equal(accepted(), 2);
  });
});

test('an upstream somebody signed in to is closed with its client', async () => {
  await scene(async ({ exchange, accepted, lastEnded }) => {
    await exchange(GET.replace('\r\n\r\n', '\r\nAuthorization: Negotiate abc\r\n\r\n'));
    await lastEnded();
    await exchange(GET, 'HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n');
    await lastEnded();
    await exchange(GET);
    assert.equal(accepted(), 3);
  });
});

test('an upstream that stays idle is closed after a few seconds', async () => {
  await scene(async ({ clock, exchange, accepted, lastEnded }) => {
    await exchange(GET);
    clock.advance(6_000);
    await lastEnded();
    await exchange(GET);
    assert.equal(accepted(), 2);
  });
});

test('a pooled upstream whose server has gone is not given out', async () => {
  await scene(async ({ exchange, accepted, lastEnded }) => {
    await exchange(GET, 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    await lastEnded();
    await exchange(GET);
    assert.equal(accepted(), 2);
  });
});
