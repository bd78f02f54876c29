import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, test } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { encodeAmf0 } from '@sluice/codec/amf/amf0';
import type { AmfValue } from '@sluice/codec/amf/value';
import { encodeRtmpMessage } from '@sluice/codec/rtmp/chunk-encoder';
import type { AccessDecision } from '../access.ts';
import { startTestPlane, type TestPlane } from '../testing/plane.ts';
import { TestRtmpClient } from '../testing/rtmp-client.ts';

const running: TestPlane[] = [];

async function start(...options: Parameters<typeof startTestPlane>): Promise<TestPlane> {
  const gateway = await startTestPlane(...options);
  running.push(gateway);
  return gateway;
}

afterEach(async () => {
  for (const gateway of running.splice(0)) {
    assert.deepEqual(gateway.errors, []);
    await gateway.close();
  }
});

async function eventually(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`never: ${what}`);
}

test('a refused publisher is told so and closed', async () => {
  const gateway = await start({}, { decidePublish: async () => ({ allowed: false, reason: 'not today' }) });
  const client = new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 'a?token=x');
  await client.closed;
  const failed = client.events.find((event) => event.type === 'failed');
  assert.deepEqual(failed, {
    type: 'failed',
    code: 'NetStream.Publish.BadAuth',
    description: 'not today',
  });
  assert.equal(gateway.plane.control.statistics()['MultiMediaSourceMuxer'], 0);
});

test('the decision sees name, parameters and peer, and may take its time', async () => {
  const decision = Promise.withResolvers<AccessDecision>();
  const asked: unknown[] = [];
  const gateway = await start(
    {},
    {
      decidePublish: ({ tuple, peer }) => {
        asked.push([tuple.app, tuple.stream, tuple.params, peer.peerIp]);
        return decision.promise;
      },
    },
  );
  const client = new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 'a/b?token=x');
  await eventually(() => asked.length === 1, 'asked');
  assert.deepEqual(asked, [['live', 'a/b', 'token=x', '127.0.0.1']]);
  client.sendTracks();
  client.sendGop(0);
  decision.resolve({ allowed: true });
  await eventually(() => {
    const [source] = gateway.plane.control.sources({});
    return source?.tracks.some(({ kind, frames }) => kind === 'video' && frames === 25) === true;
  }, 'what was sent meanwhile has arrived');
  client.socket.destroy();
});

test('who does not get to the point is dropped, and so is a publisher that falls silent', async () => {
  const clock = new FakeClock();
  const gateway = await start({ protocol: { continue_push_ms: 15_000 } }, { clock });
  const idle = connect(gateway.rtmpPort, '127.0.0.1');
  const publisher = new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 'a');
  await publisher.started();
  publisher.sendTracks();
  publisher.sendGop(0);
  await eventually(() => gateway.plane.control.sources({}).length > 0, 'on line');
  const player = await new TestRtmpClient(gateway.rtmpPort, 'play', 'live', 'a').started();
  const closed = once(idle, 'close');
  clock.advance(17_000);
  await Promise.all([closed, publisher.closed]);
  await eventually(() => gateway.plane.control.sources({})[0]?.originType === 0, 'stream waits');
  assert.equal(player.socket.destroyed, false);
  clock.advance(16_000);
  await player.closed;
  assert.ok(player.events.some((event) => event.type === 'end'));
});

async function playUnread(gateway: TestPlane, pictureBytes: number): Promise<TestRtmpClient> {
  const publisher = await new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 'a').started();
  publisher.sendTracks();
  publisher.sendGop(0, pictureBytes);
  await eventually(() => {
    return gateway.plane.control.sources({})[0]?.tracks.some((track) => track.frames === 25) === true;
  }, 'GOP cached');
  const player = await new TestRtmpClient(gateway.rtmpPort, 'play', 'live', 'a').started();
  player.socket.pause();
  return player;
}

test('a player that asks on and on without reading the answers is cut off', async () => {
  const gateway = await start();
  const player = await playUnread(gateway, 100);
  const command = (...values: AmfValue[]) =>
    encodeRtmpMessage({ type: 20, timestampMs: 0, streamId: 1, data: encodeAmf0(...values) }, 128);
  player.socket.write(command('pause', 0, null, true, 0));
  const seeks = Buffer.concat(Array.from({ length: 5000 }, () => command('seek', 0, null, 0)));
  for (let round = 0; round < 60 && !player.socket.destroyed; round++) {
    await new Promise((resolve) => player.socket.write(seeks, resolve));
  }
  await player.closed;
  await eventually(() => gateway.plane.control.sources({})[0]?.totalReaderCount === 0, 'no reader left');
});

test('a player that closes its side without reading the rest is no reader any more', async () => {
  const gateway = await start();
  const player = await playUnread(gateway, 600_000);
  assert.equal(gateway.plane.control.sources({})[0]?.readerCount, 1);
  player.socket.end();
  await eventually(() => gateway.plane.control.sources({})[0]?.readerCount === 0, 'gone');
  player.socket.destroy();
});

test('sessions with flipped bits cost their own connection only', async () => {
  const gateway = await start({ protocol: { continue_push_ms: 1 }, general: { maxStreamWaitMS: 10 } });
  const recorded = await recordPublisher(gateway);
  let seed = 20_261_121;
  const random = (limit: number) => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return seed % limit;
  };
  for (let run = 0; run < 120; run++) {
    const bytes = Buffer.from(recorded);
    for (let flips = 1 + random(5); flips > 0; flips--) {
      const at = HANDSHAKE_BYTES + random(bytes.length - HANDSHAKE_BYTES);
      bytes[at] = random(256);
    }
    const socket = connect(gateway.rtmpPort, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    socket.resume();
    const closed = once(socket, 'close');
    socket.end(run % 3 === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
    await closed;
  }
  const publisher = new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 'after');
  await publisher.started();
  publisher.socket.destroy();
});

const HANDSHAKE_BYTES = 1 + 2 * 1536;

/** Everything a publisher sends, handshake included. */
async function recordPublisher(gateway: TestPlane): Promise<Buffer> {
  const client = new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 'recorded');
  const sent: Uint8Array[] = [];
  const write = client.socket.write.bind(client.socket);
  client.socket.write = (bytes: Uint8Array | string) => {
    if (typeof bytes !== 'string') sent.push(bytes);
    return write(bytes);
  };
  await client.started();
  client.sendTracks();
  client.sendGop(0, 100);
  client.endStream();
  client.socket.destroy();
  return Buffer.concat(sent);
}
