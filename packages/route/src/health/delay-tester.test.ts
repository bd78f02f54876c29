import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock, systemClock } from '@sluice/base/clock';
import type { OutboundNode } from '../group/node.ts';
import { GroupRig, groupConfig } from '../group/testing/group-rig.ts';
import type { Outbound } from '../outbound/outbound.ts';
import { DelayTester } from './delay-tester.ts';
import { HealthRecord } from './health-record.ts';

const rig = new GroupRig();

/** An outbound that connects to the target itself. */
function direct(dialTcp?: Outbound['dialTcp']): OutboundNode {
  const connect: Outbound['dialTcp'] = async ({ target }) => {
    const stream = net.connect(target.port, target.host);
    stream.on('error', () => stream.destroy());
    await once(stream, 'connect');
    stream.pause();
    return { stream, remote: target.host };
  };
  const outbound = rig.outbound('node', 'Socks5', { dialTcp: dialTcp ?? connect });
  return { kind: 'outbound', id: '', name: 'node', outbound, health: new HealthRecord(), providerName: '' };
}

/** An origin that notes what it was asked; the result is its URL. */
async function origin(context: TestContext, status: number, seen: string[] = []): Promise<string> {
  const server = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.writeHead(status, { Location: '/elsewhere' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const tester = (unified = false) => new DelayTester({ clock: systemClock, unified: () => unified });

describe('delay tester', () => {
  it('sends HEAD, follows no redirect and gives at least a millisecond', async (context) => {
    const seen: string[] = [];
    const url = await origin(context, 302, seen);
    const node = direct();
    const delayMs = await tester().testMember(node, `${url}/generate_204?a=1`, 2_000, '302');
    assert.ok(Number.isInteger(delayMs) && delayMs >= 1);
    assert.deepEqual(seen, [`HEAD /generate_204?a=1 ${url.slice(7)}`]);
    assert.deepEqual(
      node.health.view().history.map((sample) => sample.delayMs),
      [delayMs],
    );
    assert.equal(node.health.view().extra[`${url}/generate_204?a=1`]?.alive, true);
  });

  it('unified: a second request on the connection counts', async (context) => {
    const seen: string[] = [];
    const url = await origin(context, 204, seen);
    assert.ok((await tester(true).testMember(direct(), url, 2_000, '*')) >= 1);
    assert.equal(seen.length, 2);
  });

  it('an unexpected status succeeds, but marks the URL', async (context) => {
    const url = await origin(context, 500);
    const node = direct();
    assert.ok((await tester().testMember(node, url, 2_000, '200-299')) >= 1);
    const { alive, extra } = node.health.view();
    assert.deepEqual([alive, extra[url]?.alive, extra[url]?.history[0]?.delayMs], [true, false, 0]);
  });

  for (const url of ['', 'nonsense', 'ftp://x/', 'http://']) {
    it(`the unusable URL "${url}" fails and is recorded`, async () => {
      const node = direct();
      await assert.rejects(tester().testMember(node, url, 2_000, '*'), { kind: 'unavailable' });
      assert.equal(node.health.view().alive, false);
      assert.deepEqual(Object.keys(node.health.view().extra), [url]);
    });
  }

  it('no time is a timeout at once', async () => {
    for (const timeoutMs of [0, -5]) {
      const node = direct();
      await assert.rejects(tester().testMember(node, 'http://x/', timeoutMs, '*'), { kind: 'timeout' });
      assert.equal(node.health.view().alive, false);
    }
  });

  it('an outbound that never answers runs into the deadline, what opens later is closed', async () => {
    const clock = new FakeClock();
    const opened = Promise.withResolvers<{ stream: net.Socket; remote: string }>();
    const node = direct(() => opened.promise);
    const slow = new DelayTester({ clock, unified: () => false });
    const failed = assert.rejects(slow.testMember(node, 'http://x/', 100_000, '*'), { kind: 'timeout' });
    clock.advance(29_999);
    assert.deepEqual(node.health.view().history, []);
    clock.advance(1);
    await failed;
    assert.equal(node.health.view().history.length, 1);
    const stream = new net.Socket();
    opened.resolve({ stream, remote: '' });
    await once(stream, 'close');
  });

  it('a test that was called off says nothing about the node', async () => {
    const cancel = new AbortController();
    const node = direct(() => new Promise(() => undefined));
    const failed = assert.rejects(tester().testMember(node, 'http://x/', 5_000, '*', cancel.signal));
    cancel.abort();
    await failed;
    assert.deepEqual(node.health.view(), { alive: true, history: [], extra: {} });
  });

  it('a malformed expected status is refused before anything is done', async () => {
    const node = direct();
    await assert.rejects(tester().testMember(node, 'http://x/', 1_000, 'x'), { code: 'route.ranges' });
    assert.deepEqual(node.health.view().history, []);
  });

  it('members share one deadline, and url-test tests its own URL', async () => {
    const own = new GroupRig();
    const table = own.table([
      groupConfig('u', 'url-test', ['a', 'b'], { testUrl: 'http://own/' }),
      groupConfig('s', 'select', ['a', 'b', 'a']),
    ]);
    own.delays.set('b', 7);
    assert.deepEqual(await table.testGroup('u', 'http://given/', 1_000, '*'), new Map([['b', 7]]));
    assert.deepEqual(own.tests, ['a http://own/', 'b http://own/']);
    await table.testGroup('s', 'http://given/', 1_000, '*');
    assert.deepEqual(own.tests.slice(2), ['a http://given/', 'b http://given/']);
    const late = { kind: 'timeout', code: 'route.delay-timeout', message: 'get delay: all proxies timeout' };
    await assert.rejects(table.testGroup('s', 'http://given/', 0, '*'), late);
    await assert.rejects(table.testGroup('s', 'http://given/', 1_000, '*', AbortSignal.abort()), late);
    assert.equal(own.tests.length, 4);
  });
});
