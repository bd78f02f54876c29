import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Clock } from '@sluice/base/clock';
import { FakeClock } from '@sluice/base/clock';
import { Events } from '@sluice/core/events';
import type { Logger } from '@sluice/core/log/logger';
import { newFlow } from '@sluice/core/ports/flow';
import { HostTable } from '../config/host-table.ts';
import { OutboundTable } from '../group/outbound-table.ts';
import { DelayTester } from '../health/delay-tester.ts';
import type { Resolver } from '../net/system-resolver.ts';
import type { Outbound, PacketHandlers } from '../outbound/outbound.ts';
import { NO_TRAITS } from '../outbound/outbound.ts';
import { compileRules } from '../rule/compile-rules.ts';
import { TemporaryRules } from '../rule/temporary-rules.ts';
import { testResources } from '../rule/testing/rule-resources.ts';
import { RouteRig, until } from '../testing/route-rig.ts';
import { Router } from './router.ts';
import { Tracker } from './tracker.ts';
import type { ClientPacket } from './udp-session.ts';
import { UdpSessions } from './udp-sessions.ts';

/** A table with one outbound and no groups but GLOBAL. */
function tableOf(direct: Outbound, clock: Clock, log: Logger): OutboundTable {
  const unused = (): never => assert.fail('not used');
  return new OutboundTable({
    builtIns: [direct],
    outbounds: [],
    groups: [],
    providers: [],
    selected: new Map(),
    onSelected: () => undefined,
    clock,
    log,
    tester: new DelayTester({ clock, unified: () => false }),
    variants: { carried: unused, bound: unused },
  });
}

describe('UDP sessions', () => {
  let rig: RouteRig;
  let clock: FakeClock;
  let tracker: Tracker;
  let sessions: UdpSessions;
  let sent: string[];
  let opened: PacketHandlers[];
  let closed: number;
  let ready: PromiseWithResolvers<void>;
  let answers: string[];

  beforeEach(() => {
    rig = new RouteRig();
    clock = new FakeClock();
    sent = [];
    opened = [];
    answers = [];
    closed = 0;
    ready = Promise.withResolvers<void>();
    const direct: Outbound = {
      name: 'DIRECT',
      type: 'Direct',
      udp: true,
      traits: NO_TRAITS,
      dialTcp: () => Promise.reject(new Error('not used')),
      openUdp: async (_request, handlers) => {
        await ready.promise;
        opened.push(handlers);
        return {
          send: (data, to) => void sent.push(`${to.host}:${to.port} ${Buffer.from(data)}`),
          close: () => {
            closed += 1;
          },
        };
      },
    };
    const tables = {
      outbounds: tableOf(direct, clock, rig.context(clock).log),
      rules: compileRules({ rules: [], subRules: {} }, () => true, testResources()),
      hosts: new HostTable(),
    };
    const resolver: Resolver = {
      resolve: (host) =>
        host === 'known.test'
          ? Promise.resolve({ ipv4: ['192.0.2.7'], ipv6: [] })
          : Promise.reject(new Error(`no such host ${host}`)),
    };
    const { log } = rig.context(clock);
    tracker = new Tracker(clock, new Events((error) => assert.fail(String(error))), () => undefined);
    sessions = new UdpSessions({
      clock,
      log,
      resolver,
      tracker,
      router: new Router({
        resolver,
        processes: { find: () => Promise.resolve(undefined) },
        findProcess: () => 'off',
        temporary: new TemporaryRules(clock, (rules, refuse) =>
          compileRules({ rules, subRules: {} }, () => true, testResources(), refuse),
        ),
        nowMs: () => clock.now(),
      }),
      tables: () => tables,
      mode: () => 'rule',
      names: () => ({ enabled: false, mode: 'normal', reverse: () => undefined, isFakeIp: () => false }),
      sniffer: () => undefined,
      onDialFailed: () => undefined,
      isSuspended: () => false,
    });
    sessions.start();
  });
  afterEach(async () => {
    sessions.stop();
    await rig.close();
  });

  const packet = (text: string, host = '192.0.2.1', sourcePort = 4_000): ClientPacket => ({
    metadata: newFlow({
      network: 'udp',
      type: 'Socks5',
      sourceIp: '127.0.0.1',
      sourcePort,
      host,
      destinationPort: 53,
      inboundIp: '127.0.0.1',
      inboundPort: 1_080,
      inboundName: 'DEFAULT-SOCKS',
    }),
    data: Buffer.from(text),
    reply: (data, from) => void answers.push(`${from.host}:${from.port} ${Buffer.from(data)}`),
  });

  it('keeps 128 packets until the outbound is open, then sends them in order', async () => {
    for (let count = 0; count < 200; count += 1) sessions.handle(packet(String(count)));
    ready.resolve();
    await until(() => sent.length > 0);
    assert.equal(sent.length, 128);
    assert.deepEqual(sent.slice(0, 2), ['192.0.2.1:53 0', '192.0.2.1:53 1']);
    assert.equal(opened.length, 1);
  });

  it('one session per client socket, whatever the destinations; answers carry the real sender', async () => {
    ready.resolve();
    sessions.handle(packet('a'));
    sessions.handle(packet('b', 'known.test'));
    sessions.handle(packet('c', '192.0.2.1', 4_001));
    await until(() => sent.length === 3);
    assert.ok(sent.includes('192.0.2.7:53 b'));
    assert.equal(tracker.size, 2);
    opened[0]?.onPacket(Buffer.from('hi'), { host: '198.51.100.1', port: 9 });
    assert.deepEqual(answers, ['198.51.100.1:9 hi']);
  });

  it('ends after a minute of silence in both directions', async () => {
    ready.resolve();
    sessions.handle(packet('a'));
    await until(() => sent.length === 1);
    clock.advance(40_000);
    opened[0]?.onPacket(Buffer.from('x'), { host: '192.0.2.1', port: 53 });
    clock.advance(40_000);
    assert.equal(closed, 0);
    clock.advance(30_000);
    assert.equal(closed, 1);
    assert.equal(tracker.size, 0);
  });

  it('gives up the session unused longest when the table is full', async () => {
    ready.resolve();
    sessions.handle(packet('first', '192.0.2.1', 1));
    sessions.handle(packet('busy', '192.0.2.1', 2));
    await until(() => sent.length === 2);
    for (let port = 10_000; port < 14_095; port += 1) {
      sessions.handle(packet('forged', '192.0.2.1', port));
      if (port % 100 === 0) sessions.handle(packet('busy', '192.0.2.1', 2));
    }
    await until(() => opened.length === 4_097);
    assert.equal(tracker.size, 4_096);
    assert.equal(closed, 1);
    assert.ok(tracker.views().some(({ metadata }) => metadata.sourcePort === 2));
    assert.ok(tracker.views().every(({ metadata }) => metadata.sourcePort !== 1));
  });

  it('keeps no more than 32 MiB waiting over all sessions', async () => {
    const data = 'x'.repeat(1 << 16);
    for (let port = 1; port <= 1_024; port += 1) sessions.handle(packet(data, '192.0.2.1', port));
    ready.resolve();
    await until(() => opened.length === 1_024);
    assert.equal(sent.length, 512);
    sessions.handle(packet(data, '192.0.2.1', 1_024));
    assert.equal(sent.length, 513);
  });

  it('drops a session whose destination has no address', async () => {
    ready.resolve();
    sessions.handle(packet('a', 'unknown.test'));
    await until(() =>
      rig.lines.some((line) => line.startsWith('warning [UDP] Resolve Ip error: no such host')),
    );
    assert.equal(tracker.size, 0);
    assert.deepEqual(sent, []);
  });

  it('a session that ended while it was being opened is closed again', async () => {
    sessions.handle(packet('a'));
    sessions.stop();
    ready.resolve();
    await until(() => closed === 1);
    assert.equal(tracker.size, 0);
  });
});
