import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '@sluice/base/clock';
import { defaultOf } from '@sluice/core/config/decode';
import { Events } from '@sluice/core/events';
import { Metrics } from '@sluice/core/metrics';
import { checkInspect, type InspectConfig, inspectConfigSchema } from './config.ts';
import { createInspectPlane, type InspectPlane } from './plane.ts';
import { LoopbackDialer, type Origin, openOrigin, Peer, silentLog } from './proxy/testing/fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'sluice-plane-'));
const defaults = defaultOf<InspectConfig>(inspectConfigSchema);
const config: InspectConfig = { ...defaults, listen: '127.0.0.1:0', 'ca-key': 'ec' };
let plane: InspectPlane;
let origin: Origin;
const dialer = new LoopbackDialer();

before(async () => {
  origin = await openOrigin((socket) => {
    socket.on('data', () => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    socket.on('end', () => socket.end());
  });
  const events = new Events((error) => assert.fail(String(error)));
  const context = {
    clock: systemClock,
    log: silentLog,
    metrics: new Metrics(),
    events,
    dataDir: join(directory, 'data'),
  };
  plane = await createInspectPlane(context, config, { dialer, isOwnListener: (_host, port) => port === 9 });
});

after(async () => {
  await plane.stop(AbortSignal.timeout(5000));
  origin.close();
  rmSync(directory, { recursive: true, force: true });
});

const proxyPort = (): number => plane.control.listeners()[0]?.port ?? 0;

async function get(target: string): Promise<string> {
  const peer = Peer.connect(proxyPort()).send(
    `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  );
  const answer = await peer.rest();
  peer.stream.destroy();
  return answer;
}

/** Waits until an exchange with `host` can be queried. */
async function stored(host: string): Promise<void> {
  while (!(await plane.control.hosts()).includes(host))
    await new Promise((resolve) => setTimeout(resolve, 10));
}

test('the plane listens from its start on, and its tap is ready then', async () => {
  assert.deepEqual(plane.control.listeners(), []);
  assert.equal(plane.tap.active, false);
  await plane.start();
  assert.equal(plane.control.listeners()[0]?.host, '127.0.0.1');
  assert.equal(plane.tap.active, true);
  assert.match(await get(`http://a.test:${origin.port}/one`), /ok$/);
  await stored('a.test');
});

test('clients do not reach what the gateway itself listens on', async () => {
  assert.match(await get('http://127.0.0.1:3000/admin/hosts'), /^HTTP\/1.1 403 /);
  assert.match(await get('http://localhost:3000/admin/hosts'), /^HTTP\/1.1 403 /);
  assert.match(await get('http://a.test:9/'), /^HTTP\/1.1 403 /);
  assert.match(await get(`http://[::ffff:127.0.0.1]:${proxyPort()}/`), /^HTTP\/1.1 403 /);
});

test('another configuration holds for new connections; a bad one changes nothing', async () => {
  const port = proxyPort();
  await assert.rejects(plane.reconfigure({ ...config, 'upstream-ca': join(directory, 'missing.pem') }), {
    code: 'inspect.upstream-ca',
  });
  await assert.rejects(plane.reconfigure({ ...config, listen: `127.0.0.1:${origin.port}` }), {
    code: 'inspect.listen',
  });
  assert.equal(proxyPort(), port);
  await plane.reconfigure({ ...config, enabled: false });
  assert.equal(plane.tap.active, false);
  assert.match(await get(`http://a.test:${origin.port}/unseen`), /ok$/);
  await plane.reconfigure({ ...config, enabled: true, outbound: 'Proxy' });
  assert.match(await get(`http://b.test:${origin.port}/seen`), /ok$/);
  assert.equal(dialer.requests.at(-1)?.outbound, 'Proxy');
  await stored('b.test');
  const { rows } = await plane.control.requests({ page: 1, limit: 50, isRegex: false, keyword: '/unseen' });
  assert.deepEqual(rows, []);
});

test('findings about the configuration', () => {
  const findings: string[] = [];
  checkInspect(
    { ...defaults, listen: '0.0.0.0:1', admin: 'nonsense:x', passthrough: ['ok.test', 'not ok'] },
    (severity, path) => findings.push(`${severity} ${path.join('.')}`),
  );
  assert.deepEqual(findings, ['warning listen', 'error admin', 'error passthrough.1']);
});
