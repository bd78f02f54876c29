import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, test } from 'node:test';
import { freePort, startTestPlane, type TestPlane } from './testing/plane.ts';
import { TestRtmpClient } from './testing/rtmp-client.ts';

const running: TestPlane[] = [];
afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.close();
});

async function start(...options: Parameters<typeof startTestPlane>): Promise<TestPlane> {
  const gateway = await startTestPlane(...options);
  running.push(gateway);
  return gateway;
}

const rtmpPorts = (gateway: TestPlane) => gateway.plane.control.listeners().map(({ port }) => port);

test('a changed port moves the listener; connections stay', async () => {
  const gateway = await start();
  const publisher = await new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 'a').started();
  const port = await freePort();
  await gateway.plane.reconfigure({ rtmp: { port } });
  assert.deepEqual(rtmpPorts(gateway), [port]);
  const other = await new TestRtmpClient(port, 'publish', 'live', 'b').started();
  assert.equal(publisher.socket.destroyed, false);
  publisher.socket.destroy();
  other.socket.destroy();
  await gateway.plane.reconfigure({ rtmp: { port: 0 } });
  assert.deepEqual(rtmpPorts(gateway), [], 'port 0 switches RTMP off');
});

test('a port that is taken leaves everything as it was', async () => {
  const gateway = await start();
  const blocker = createServer();
  const taken = await freePort();
  blocker.listen(taken, '127.0.0.1');
  await once(blocker, 'listening');
  await assert.rejects(gateway.plane.reconfigure({ rtmp: { port: taken }, hls: { segDur: 7 } }), {
    code: 'media.listen',
  });
  assert.deepEqual(rtmpPorts(gateway), [gateway.rtmpPort]);
  assert.equal(gateway.plane.control.config().get('hls.segDur'), '2');
  blocker.close();
});

test('settings changed through the control take effect on what they are for', async () => {
  const gateway = await start();
  const set = (key: string, value: string) => gateway.plane.control.setConfig(new Map([[key, value]]));
  assert.equal(set('general.maxStreamWaitMS', '0'), 1);
  const refused = new TestRtmpClient(gateway.rtmpPort, 'play', 'live', 'none');
  await refused.closed;
  assert.ok(refused.events.some((event) => event.type === 'failed'));
  assert.equal(set('rtmp.port', '1'), 1);
  assert.deepEqual(rtmpPorts(gateway), [gateway.rtmpPort], 'ports move at the next start');
  assert.equal(gateway.plane.control.config().get('rtmp.port'), '1');
});

test('stopping ends streams and lets go of readers that do not read', async () => {
  const gateway = await start();
  const publisher = await new TestRtmpClient(gateway.rtmpPort, 'publish', 'live', 'a').started();
  publisher.sendTracks();
  publisher.sendGop(0);
  const player = await new TestRtmpClient(gateway.rtmpPort, 'play', 'live', 'a').started();
  await player.until(() => player.tags.length > 10);
  const stuck = new TestRtmpClient(gateway.rtmpPort, 'play', 'live', 'a');
  await stuck.started();
  stuck.socket.pause();
  for (let i = 1; i < 6; i++) publisher.sendGop(i * 1000, 200_000);
  await player.until(() => player.tags.length > 250);
  const deadline = AbortSignal.timeout(300);
  const keepAlive = setTimeout(() => {}, 10_000);
  await gateway.plane.stop(deadline);
  clearTimeout(keepAlive);
  assert.deepEqual(gateway.plane.control.sessions({}), []);
  assert.deepEqual(rtmpPorts(gateway), []);
  stuck.socket.resume();
  await Promise.all([publisher.closed, player.closed, stuck.closed]);
  assert.ok(player.events.some((event) => event.type === 'end'));
});
