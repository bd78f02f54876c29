import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { afterEach, describe, it } from 'node:test';
import { FakeClock, systemClock } from '@sluice/base/clock';
import { encodeQuery } from '@sluice/codec/dns/encode';
import { DNS_FLAG, setU16, u16At, withId } from '@sluice/codec/dns/header';
import { type DnsQuery, parseDnsQuery, scanMessage } from '@sluice/codec/dns/message';
import { answerAddresses } from '@sluice/codec/dns/records';
import { TEST_CERTIFICATE } from '../../testing/test-certificate.ts';
import { addressAnswer, FakeServers, framed } from './testing/fake-servers.ts';
import { LoopbackDialer } from './testing/loopback-dialer.ts';
import type { Upstream } from './upstream.ts';
import { parseUpstream } from './upstream-config.ts';
import { UpstreamSet } from './upstream-set.ts';

const TRUSTED = [TEST_CERTIFICATE];
const QUERY = parseDnsQuery(encodeQuery('www.example.com', 1, { id: 4711, recursionDesired: true }));

let servers = new FakeServers();
let dialer = new LoopbackDialer();
let sets: UpstreamSet[] = [];

afterEach(() => {
  for (const set of sets) set.close();
  servers.close();
  dialer.close();
  servers = new FakeServers();
  dialer = new LoopbackDialer();
  sets = [];
});

function upstream(text: string, clock = systemClock, system: readonly string[] = []): Upstream {
  const set = new UpstreamSet(
    {
      dialer,
      clock,
      takesNames: (via) => via === 'proxy',
      trustedCertificates: () => TRUSTED,
      resolveServer: async () => ({ ipv4: ['127.0.0.1'], ipv6: [] }),
    },
    { system: async () => system, dhcp: async () => [] },
  );
  sets.push(set);
  return set.open([parseUpstream(text)])[0] as Upstream;
}

async function addresses(server: Upstream, signal = AbortSignal.timeout(5_000)): Promise<string[]> {
  const message = scanMessage(await server.exchange(QUERY, signal));
  assert.equal(message.id, QUERY.id);
  return answerAddresses(message).map(({ ip }) => ip);
}

/** A stream with nothing of a socket about it, as outbounds give. */
function plainStream(socket: Duplex): Duplex {
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk) => void stream.push(chunk));
  socket.on('end', () => void stream.push(null));
  socket.on('close', () => void stream.destroy());
  stream.on('error', () => undefined);
  return stream.pause();
}

const answerOne = (query: DnsQuery) => addressAnswer(query, ['1.2.3.4']);

describe('DNS over UDP', () => {
  it('asks with an id of its own and gives back the query’s', async () => {
    let seen = -1;
    const port = await servers.udp((query) => {
      seen = query.id;
      return answerOne(query);
    });
    assert.deepEqual(await addresses(upstream(`127.0.0.1:${port}`)), ['1.2.3.4']);
    assert.notEqual(seen, -1);
    assert.equal(dialer.openSockets, 0);
  });

  it('passes over wrong ids, wrong questions, queries and garbage', async () => {
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.on('message', (bytes, from) => {
      const query = parseDnsQuery(bytes);
      const good = addressAnswer(query, ['1.2.3.4']);
      const other = parseDnsQuery(
        encodeQuery('www.example.org', 1, { id: query.id, recursionDesired: true }),
      );
      const wrong = [
        withId(addressAnswer(query, ['6.6.6.6']), query.id ^ 1),
        addressAnswer(other, ['6.6.6.6']),
        bytes,
        Buffer.from('garbage'),
        Buffer.alloc(0),
        good.subarray(0, 20),
      ];
      for (const each of [...wrong, good]) socket.send(each, from.port, from.address);
    });
    assert.deepEqual(await addresses(upstream(`127.0.0.1:${socket.address().port}`)), ['1.2.3.4']);
    socket.close();
  });

  it('repeats over TCP what is truncated', async () => {
    const port = await servers.stream(answerOne);
    const socket = dgram.createSocket('udp4').bind(port, '127.0.0.1');
    await once(socket, 'listening');
    socket.on('message', (bytes, from) => {
      const cut = Buffer.from(bytes);
      setU16(cut, 2, u16At(cut, 2) | DNS_FLAG.QR | DNS_FLAG.TC);
      socket.send(cut, from.port, from.address);
    });
    assert.deepEqual(await addresses(upstream(`127.0.0.1:${port}`)), ['1.2.3.4']);
    assert.deepEqual(dialer.dialed, ['udp 127.0.0.1 ', 'tcp 127.0.0.1 ']);
    socket.close();
  });

  it('asks again when nothing comes back', async () => {
    const clock = new FakeClock();
    let asked = 0;
    const firstAsked = Promise.withResolvers<void>();
    const port = await servers.udp((query) => {
      firstAsked.resolve();
      return ++asked === 1 ? undefined : answerOne(query);
    });
    const answer = addresses(upstream(`127.0.0.1:${port}`, clock));
    await firstAsked.promise;
    clock.advance(1_500);
    assert.deepEqual(await answer, ['1.2.3.4']);
    assert.equal(asked, 2);
  });

  it('ends with its signal and leaves no socket', async () => {
    const port = await servers.udp(() => undefined);
    const stop = new AbortController();
    const answer = upstream(`127.0.0.1:${port}`).exchange(QUERY, stop.signal);
    setImmediate(() => stop.abort(new Error('enough')));
    await assert.rejects(answer, { message: 'enough' });
    assert.equal(dialer.openSockets, 0);
  });
});

describe('DNS over TCP and TLS', () => {
  it('keeps the connection and answers in any order', async () => {
    const held: (() => void)[] = [];
    const port = await servers.stream(async (query) => {
      if (query.question?.name === 'slow') await new Promise<void>((resolve) => held.push(resolve));
      return answerOne(query);
    });
    const server = upstream(`tcp://127.0.0.1:${port}`);
    await addresses(server);
    const slow = parseDnsQuery(encodeQuery('slow', 1, { id: 1, recursionDesired: true }));
    const slowAnswer = server.exchange(slow, AbortSignal.timeout(5_000));
    await addresses(server);
    while (held.length === 0) await new Promise(setImmediate);
    held[0]?.();
    // The fake server answers one connection in order, so a second question comes back behind the first or before it.
    assert.equal(scanMessage(await slowAnswer).question?.name, 'slow');
    assert.equal(servers.connections, 1);
  });

  it('takes messages apart that come in pieces and together', async () => {
    const port = await servers.stream(answerOne, {
      onConnection: (stream) => {
        const queries: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => {
          queries.push(chunk);
          const bytes = Buffer.concat(queries);
          if (bytes.length < 2 * (2 + QUERY.bytes.length)) return;
          const size = 2 + QUERY.bytes.length;
          const both = [bytes.subarray(2, size), bytes.subarray(size + 2, size * 2)].map((each) =>
            framed(answerOne(parseDnsQuery(each))),
          );
          const all = Buffer.concat(both);
          stream.write(all.subarray(0, 1));
          setImmediate(() => stream.write(all.subarray(1)));
        });
        return true;
      },
    });
    const server = upstream(`tcp://127.0.0.1:${port}`);
    assert.deepEqual(await Promise.all([addresses(server), addresses(server)]), [['1.2.3.4'], ['1.2.3.4']]);
  });

  it('opens another connection when the kept one was closed', async () => {
    const streams: Duplex[] = [];
    const port = await servers.stream(answerOne, {
      onConnection: (stream) => {
        streams.push(stream);
        return false;
      },
    });
    const server = upstream(`tcp://127.0.0.1:${port}`);
    await addresses(server);
    streams[0]?.destroy();
    assert.deepEqual(await addresses(server), ['1.2.3.4']);
    assert.equal(servers.connections, 2);
  });

  it('fails when the server hangs up without an answer', async () => {
    const port = await servers.stream(answerOne, {
      onConnection: (stream) => {
        stream.on('data', () => stream.end());
        return true;
      },
    });
    await assert.rejects(addresses(upstream(`tcp://127.0.0.1:${port}`)), { code: 'dns.closed' });
  });

  it('closes idle connections', async () => {
    const clock = new FakeClock();
    const port = await servers.stream(answerOne);
    await addresses(upstream(`tcp://127.0.0.1:${port}`, clock));
    assert.equal(dialer.openSockets, 1);
    clock.advance(10_000);
    assert.equal(dialer.openSockets, 0);
  });

  it('verifies the certificate for the host of the server', async () => {
    const port = await servers.stream(answerOne, { tls: true });
    assert.deepEqual(await addresses(upstream(`tls://proxy.test:${port}`)), ['1.2.3.4']);
    await assert.rejects(addresses(upstream(`tls://other.test:${port}`)), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    await assert.rejects(addresses(upstream(`tls://127.0.0.1:${port}`)), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    const trusting = upstream(`tls://127.0.0.1:${port}#skip-cert-verify=true`);
    assert.deepEqual(await addresses(trusting), ['1.2.3.4']);
  });

  it('gives names to outbounds and addresses to everything else', async () => {
    const port = await servers.stream(answerOne);
    for (const via of ['proxy', 'eth0', 'RULES'])
      await addresses(upstream(`tcp://proxy.test:${port}#${via}`));
    assert.deepEqual(dialer.dialed, ['tcp proxy.test proxy', 'tcp 127.0.0.1 eth0', 'tcp 127.0.0.1 RULES']);
  });
});

describe('DNS over HTTPS', () => {
  for (const [name, options] of [
    ['HTTP/2', {}],
    ['HTTP/1.1', { http2: false }],
  ] as const) {
    it(`asks over ${name} and keeps the connection`, async () => {
      const seen: string[] = [];
      const port = await servers.https(
        (query) => {
          seen.push(String(query.id));
          return answerOne(query);
        },
        options,
        (path, headers) => seen.push(path, String(headers['accept']), String(headers['user-agent'])),
      );
      const server = upstream(`https://proxy.test:${port}/dns-query`);
      assert.deepEqual(await addresses(server), ['1.2.3.4']);
      assert.deepEqual(await addresses(server), ['1.2.3.4']);
      assert.deepEqual(seen.slice(0, 4), ['/dns-query', 'application/dns-message', 'undefined', '0']);
      assert.equal(servers.connections, 1);
    });
  }

  it('asks over plain HTTP', async () => {
    const port = await servers.https(answerOne, { tls: false });
    assert.deepEqual(await addresses(upstream(`http://127.0.0.1:${port}/q?a=b`)), ['1.2.3.4']);
  });

  for (const options of [{ status: 404 }, { status: 404, http2: false }]) {
    it(`reports the status${options.http2 === false ? ' of HTTP/1.1' : ''}`, async () => {
      const port = await servers.https(answerOne, options);
      await assert.rejects(addresses(upstream(`https://proxy.test:${port}/`)), {
        message: 'unexpected status: 404',
      });
    });
  }

  it('refuses bodies that are no answer or too long', async () => {
    for (const body of [Buffer.from('hello'), Buffer.alloc(70_000)]) {
      for (const http2 of [true, false]) {
        const port = await servers.https(() => body, { http2 });
        await assert.rejects(addresses(upstream(`https://proxy.test:${port}/`)));
      }
    }
  });

  it('connects anew when the kept session was closed', async () => {
    const port = await servers.https(answerOne);
    const server = upstream(`https://proxy.test:${port}/`);
    await addresses(server);
    dialer.close();
    assert.deepEqual(await addresses(server), ['1.2.3.4']);
    assert.equal(servers.connections, 2);
  });

  it('works over streams that are no sockets', async () => {
    const dialTcp = dialer.dialTcp.bind(dialer);
    dialer.dialTcp = async (...dial) => plainStream(await dialTcp(...dial));
    const secure = await servers.https(answerOne);
    assert.deepEqual(await addresses(upstream(`https://proxy.test:${secure}/`)), ['1.2.3.4']);
    const old = await servers.https(answerOne, { http2: false });
    const overHttp1 = upstream(`https://proxy.test:${old}/`);
    for (let count = 0; count < 3; count++) assert.deepEqual(await addresses(overHttp1), ['1.2.3.4']);
    const plain = await servers.https(answerOne, { tls: false });
    const withoutTls = upstream(`http://127.0.0.1:${plain}/`);
    for (let count = 0; count < 3; count++) assert.deepEqual(await addresses(withoutTls), ['1.2.3.4']);
    const tls = await servers.stream(answerOne, { tls: true });
    assert.deepEqual(await addresses(upstream(`tls://proxy.test:${tls}`)), ['1.2.3.4']);
    const tcp = await servers.stream(answerOne);
    assert.deepEqual(await addresses(upstream(`tcp://127.0.0.1:${tcp}`)), ['1.2.3.4']);
  });

  it('ends with its signal', async () => {
    for (const http2 of [true, false]) {
      const asked = Promise.withResolvers<void>();
      const port = await servers.https(
        () => {
          asked.resolve();
          return undefined;
        },
        { http2 },
      );
      const stop = new AbortController();
      const answer = upstream(`https://proxy.test:${port}/`).exchange(QUERY, stop.signal);
      asked.promise.then(() => stop.abort(new Error('enough')));
      await assert.rejects(answer, { message: 'enough' });
    }
  });
});

describe('other servers', () => {
  it('answer with a fixed code', async () => {
    const message = scanMessage(
      await upstream('rcode://name_error').exchange(QUERY, AbortSignal.timeout(100)),
    );
    assert.equal(message.flags & 15, 3);
    assert.equal(message.question?.name, 'www.example.com');
  });

  it('say so when their transport is not served', async () => {
    for (const text of ['quic://1.1.1.1', 'https://1.1.1.1/#h3=true'])
      await assert.rejects(addresses(upstream(text)), /not served by this version/);
  });

  it('get empty answers for disabled types and a client subnet', async () => {
    const seen: (string | undefined)[] = [];
    const port = await servers.udp((query) => {
      seen.push(query.edns?.clientSubnet?.address);
      return answerOne(query);
    });
    assert.deepEqual(await addresses(upstream(`127.0.0.1:${port}#disable-ipv4=true`)), []);
    assert.deepEqual(await addresses(upstream(`127.0.0.1:${port}#ecs=10.9.8.7`)), ['1.2.3.4']);
    assert.deepEqual(seen, ['10.9.8.0']);
  });
});
