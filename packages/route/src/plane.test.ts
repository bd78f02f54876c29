import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { FlowTap, TappedFlow } from '@sluice/core/ports/flow-tap';
import type { RoutePlane } from './plane.ts';
import { freePort, RouteRig, readAll, readExactly, routeConfig, until } from './testing/route-rig.ts';

const group = (name: string, ...proxies: string[]) => ({ name, type: 'select', proxies });

describe('route plane', () => {
  let rig: RouteRig;
  beforeEach(() => {
    rig = new RouteRig();
  });
  afterEach(() => rig.close());

  async function connect(plane: RoutePlane, host: string, port: number): Promise<Socket> {
    const socket = await rig.connect(plane.control.settings().mixedPort);
    socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\n\r\n`);
    await readExactly(socket, 39);
    return socket;
  }

  async function httpOrigin(status = 204) {
    const server = createServer((_request, response) => response.writeHead(status, { location: '/x' }).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    rig.onClose(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/generate_204`;
  }

  describe('groups', () => {
    const config = {
      'proxy-groups': [group('Outer', 'Inner', 'REJECT'), group('Inner', 'REJECT', 'DIRECT')],
      rules: ['MATCH,Outer'],
    };

    it('a selection takes effect, shows the whole chain, and survives a restart', async () => {
      const target = await rig.echo();
      const plane = await rig.start(config);
      assert.equal((await readAll(await connect(plane, '127.0.0.1', target))).length, 0);
      await plane.control.select('Inner', 'DIRECT');
      const socket = await connect(plane, '127.0.0.1', target);
      socket.write('x');
      await readExactly(socket, 1);
      assert.deepEqual(plane.control.connections()[0]?.chains, ['DIRECT', 'Inner', 'Outer']);
      assert.ok(rig.lines.some((line) => line.endsWith('match Match using Outer[DIRECT]')));
      const again = await rig.start(config);
      assert.equal(again.control.outbound('Inner')?.group?.now, 'DIRECT');
    });

    it('forgets selections when told not to store them', async () => {
      const forgetful = { ...config, profile: { 'store-selected': false, 'store-fake-ip': false } };
      await (await rig.start(forgetful)).control.select('Inner', 'DIRECT');
      assert.equal((await rig.start(config)).control.outbound('Inner')?.group?.now, 'REJECT');
    });

    it('refuses what cannot be selected', async () => {
      const { control } = await rig.start(config);
      await assert.rejects(control.select('Nobody', 'DIRECT'), { code: 'route.outbound-not-found' });
      await assert.rejects(control.select('DIRECT', 'DIRECT'), { code: 'route.not-a-group' });
      await assert.rejects(control.select('Inner', 'Outer'), {
        code: 'route.not-a-member',
        message: 'proxy not exist',
      });
    });

    it('GLOBAL lists everything in order and carries everything in global mode', async () => {
      const { control } = await rig.start({
        ...config,
        proxies: [{ name: 'node', type: 'http', server: '127.0.0.1', port: 1 }],
      });
      const names = control.outbounds().map(({ name }) => name);
      assert.deepEqual(names.slice(-4), ['node', 'Outer', 'Inner', 'GLOBAL']);
      assert.deepEqual(control.outbound('GLOBAL')?.group?.all, [
        'DIRECT',
        'REJECT',
        'node',
        'Outer',
        'Inner',
      ]);
      assert.equal(control.outbound('PASS')?.id, '00000000-0000-0000-0000-000000000000');
    });
  });

  it('refuses datagrams that come back from its own sockets', async () => {
    const plane = await rig.start({});
    const { mixedPort } = plane.control.settings();
    const header = Buffer.from([0, 0, 0, 1, 127, 0, 0, 1, mixedPort >> 8, mixedPort & 0xff]);
    const nested = Buffer.concat(Array.from({ length: 20 }, () => header));
    const client = dgram.createSocket('udp4');
    rig.onClose(() => client.close());
    client.send(nested, mixedPort, '127.0.0.1');
    await until(() => rig.lines.some((line) => line.includes('reject loopback connection to: ')));
    assert.equal(plane.control.connections().length, 1);
  });

  it('modes choose without rules', async () => {
    const target = await rig.echo();
    const plane = await rig.start({ rules: ['MATCH,REJECT'] });
    for (const [mode, chains] of [
      ['direct', ['DIRECT']],
      ['global', ['DIRECT', 'GLOBAL']],
    ] as const) {
      await plane.control.patchSettings({ mode });
      const socket = await connect(plane, '127.0.0.1', target);
      socket.write('x');
      await readExactly(socket, 1);
      const connection = plane.control.connections()[0];
      assert.deepEqual(connection?.chains, chains);
      assert.equal(connection?.rule, '');
      assert.ok(rig.lines.some((line) => line.endsWith(`using ${mode.toUpperCase()}`)));
      socket.destroy();
      await until(() => plane.control.connections().length === 0);
    }
  });

  it('counts rates once a second and totals for ever, and announces flows', async () => {
    const target = await rig.echo();
    const clock = new FakeClock();
    const context = rig.context(clock);
    const seen: string[] = [];
    context.events.on('flow.opened', ({ id }) => seen.push(`opened ${id}`));
    context.events.on('flow.closed', ({ id }) => seen.push(`closed ${id}`));
    const plane = await rig.start({}, context);
    const socket = await connect(plane, '127.0.0.1', target);
    socket.write('1234567');
    await readExactly(socket, 7);
    clock.advance(1_000);
    const [connection] = plane.control.connections();
    assert.deepEqual([connection?.uploadPerSecond, connection?.downloadPerSecond], [7, 7]);
    clock.advance(1_000);
    assert.deepEqual(plane.control.traffic(), { up: 0, down: 0, upTotal: 7, downTotal: 7 });
    const id = connection?.id ?? '';
    assert.equal(plane.control.closeConnection('unknown'), false);
    assert.equal(plane.control.closeConnection(id), true);
    assert.equal((await readAll(socket)).length, 0);
    await until(() => seen.length === 2);
    assert.deepEqual(seen, [`opened ${id}`, `closed ${id}`]);
    assert.match((await context.metrics.expose()).text, /sluice_route_upload_bytes 7\n/);
  });

  describe('dialer', () => {
    const request = (port: number) => ({ host: '127.0.0.1', port, purpose: 'test' });

    it('opens through the rules or the named outbound, and accounts', async () => {
      const target = await rig.echo();
      const plane = await rig.start({ rules: ['MATCH,REJECT'], 'proxy-groups': [group('G', 'DIRECT')] });
      const { stream, chain, flowId } = await plane.dialer.dial({ ...request(target), outbound: 'G' });
      assert.deepEqual(chain, ['DIRECT', 'G']);
      stream.write('abc');
      assert.equal((await readExactly(stream as Socket, 3)).toString(), 'abc');
      const connection = plane.control.connections()[0];
      assert.equal(connection?.id, flowId);
      assert.equal(connection?.metadata.type, 'Inner');
      assert.deepEqual([connection?.upload, connection?.download], [3, 3]);
      assert.deepEqual([plane.control.traffic().upTotal, plane.control.traffic().downTotal], [3, 3]);
      stream.destroy();
      await until(() => plane.control.connections().length === 0);
    });

    it('fails with a gateway error', async () => {
      const dead = await freePort();
      const { dialer } = await rig.start({ rules: [] });
      await assert.rejects(dialer.dial(request(dead)), GatewayError);
      await assert.rejects(dialer.dial({ ...request(dead), outbound: 'nobody' }), {
        code: 'route.outbound-not-found',
      });
      const signal = AbortSignal.abort();
      await assert.rejects(dialer.dial({ ...request(dead), signal }), { kind: 'timeout' });
    });

    it('counts a stream that is not a socket', async () => {
      const target = await rig.echo();
      const upstream = await rig.start({});
      const server = '127.0.0.1';
      const proxy = {
        name: 'n',
        type: 'ss',
        server,
        port: upstream.control.settings().mixedPort,
        cipher: 'aes-128-gcm',
      };
      const { dialer, control } = await rig.start({
        proxies: [{ ...proxy, password: 'x' }],
        rules: ['MATCH,n'],
      });
      const { stream } = await dialer.dial(request(target));
      stream.write('abcd');
      await until(() => control.connections()[0]?.upload === 4 || stream.destroyed);
      assert.equal(control.traffic().upTotal, 4);
    });
  });

  describe('capture', () => {
    /** A tap that answers for the destination after asking it. */
    function tapping(flows: TappedFlow[]): FlowTap {
      return {
        active: true,
        accept: async (flow) => {
          flows.push(flow);
          const { stream } = await flow.dial();
          flow.client.pipe(stream);
          stream.pipe(flow.client);
          await Promise.race([once(stream, 'close'), once(flow.client, 'close')]);
        },
      };
    }

    it('hands CONNECT, SOCKS and plain HTTP to the tap with their first bytes', async () => {
      const target = await rig.echo();
      const flows: TappedFlow[] = [];
      rig.tap = tapping(flows);
      const plane = await rig.start({ rules: ['DST-PORT,1-65535,DIRECT,inspect'] });
      const socket = await rig.connect(plane.control.settings().mixedPort);
      socket.write(`CONNECT 127.0.0.1:${target} HTTP/1.1\r\n\r\nfirst`);
      assert.equal((await readExactly(socket, 44)).subarray(39).toString(), 'first');
      const [connection] = plane.control.connections();
      assert.equal(connection?.inspected, true);
      assert.equal(connection?.rule, 'DstPort');
      assert.deepEqual(connection?.chains, ['DIRECT']);
      assert.deepEqual([connection?.upload, connection?.download], [5, 5]);
      assert.equal(flows[0]?.id, connection?.id);
      assert.equal(flows[0]?.rule, 'DstPort(1-65535)');
      socket.destroy();
      await until(() => plane.control.connections().length === 0);

      const url = await httpOrigin(200);
      const plain = await rig.connect(plane.control.settings().mixedPort);
      plain.write(`GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`);
      assert.match((await readAll(plain)).toString(), /^HTTP\/1.1 200 OK\r\n/);
      assert.equal(flows[1]?.metadata.type, 'HTTP');
      await until(() => plane.control.connections().length === 0);
    });

    it('relays as usual while the tap is off, and never taps the other planes', async () => {
      const target = await rig.echo();
      const flows: TappedFlow[] = [];
      rig.tap = { ...tapping(flows), active: false };
      const plane = await rig.start({ rules: ['MATCH,DIRECT,inspect'] });
      const socket = await connect(plane, '127.0.0.1', target);
      socket.write('x');
      await readExactly(socket, 1);
      assert.equal(plane.control.connections()[0]?.inspected, false);
      rig.tap = tapping(flows);
      (await plane.dialer.dial({ host: '127.0.0.1', port: target, purpose: 'test' })).stream.destroy();
      assert.deepEqual(flows, []);
    });
  });

  describe('delay tests', () => {
    it('measures, records, and tells expected from unexpected answers', async () => {
      const url = await httpOrigin(302);
      const { control } = await rig.start({ 'proxy-groups': [group('G', 'DIRECT', 'REJECT')] });
      assert.ok((await control.testDelay('DIRECT', url, 5_000, '')) >= 1);
      assert.ok((await control.testDelay('G', url, 5_000, '200-299')) >= 1);
      const direct = control.outbound('DIRECT');
      assert.equal(direct?.alive, true);
      assert.equal(direct?.history.length, 1);
      const state = control.outbound('G')?.extra[url];
      assert.equal(state?.alive, false);
      assert.equal(state?.history[0]?.delayMs, 0);
      assert.equal(control.outbound('G')?.alive, true);
      assert.deepEqual([...(await control.testGroupDelay('G', url, 5_000, '*')).keys()], ['DIRECT']);
      assert.equal(control.outbound('REJECT')?.alive, false);
    });

    it('fails by timeout or as unavailable', async () => {
      const silent = await rig.serve(() => undefined);
      const { control } = await rig.start({});
      const url = `http://127.0.0.1:${silent}/`;
      await assert.rejects(control.testDelay('DIRECT', url, 30, ''), { kind: 'timeout' });
      await assert.rejects(control.testDelay('DIRECT', url, 0, ''), { kind: 'timeout' });
      await assert.rejects(control.testDelay('DIRECT', 'ftp://x/', 1_000, ''), { kind: 'unavailable' });
      await assert.rejects(control.testDelay('REJECT', url, 1_000, ''), { kind: 'unavailable' });
      await assert.rejects(control.testDelay('nobody', url, 1_000, ''), { code: 'route.outbound-not-found' });
      await assert.rejects(control.testGroupDelay('GLOBAL', url, 30, ''), { kind: 'timeout' });
      assert.equal(control.outbound('DIRECT')?.extra[url]?.alive, false);
    });
  });

  describe('listeners and settings', () => {
    it('a port that is taken is logged and the plane goes on', async () => {
      const taken = await rig.serve(() => undefined);
      const plane = await rig.start({ port: taken, 'socks-port': taken });
      assert.ok(rig.lines.some((line) => line.startsWith('error Start HTTP server error: ')));
      assert.ok(rig.lines.some((line) => line.startsWith('error Start SOCKS server error: ')));
      assert.deepEqual(
        plane.control.listeners().map(({ name }) => name),
        ['DEFAULT-MIXED'],
      );
      await plane.control.patchSettings({ mixedPort: taken, port: 0, socksPort: 0 });
      assert.ok(rig.lines.some((line) => line.startsWith('error Start Mixed(http+socks) server error: ')));
    });

    it('moves a port, keeps the others and the connections', async () => {
      const target = await rig.echo();
      const plane = await rig.start({ port: await freePort() });
      const socket = await connect(plane, '127.0.0.1', target);
      const { mixedPort } = plane.control.settings();
      await plane.control.patchSettings({ mixedPort: 0 });
      assert.deepEqual(
        plane.control.listeners().map(({ name }) => name),
        ['DEFAULT-HTTP'],
      );
      socket.write('still here');
      assert.equal((await readExactly(socket, 10)).toString(), 'still here');
      await assert.rejects(once(net.connect(mixedPort, '127.0.0.1'), 'connect'));
      await plane.control.patchSettings({ allowLan: true, bindAddress: '127.0.0.1', mixedPort });
      await connect(plane, '127.0.0.1', target);
    });

    it('applies source filters at once and refuses bad prefixes whole', async () => {
      const target = await rig.echo();
      const plane = await rig.start({});
      await assert.rejects(plane.control.patchSettings({ mode: 'direct', lanAllowedIps: ['nonsense'] }), {
        code: 'route.prefix',
      });
      assert.equal(plane.control.settings().mode, 'rule');
      await plane.control.patchSettings({ lanAllowedIps: ['10.0.0.0/8'] });
      await assert.rejects(connect(plane, '127.0.0.1', target));
    });
  });

  it('shows the ports really listened on', async () => {
    const taken = await rig.serve(() => undefined);
    const plane = await rig.start({ port: taken });
    assert.equal(plane.control.settings().port, 0);
    await plane.control.patchSettings({ mixedPort: 99_999 });
    assert.equal(plane.control.settings().mixedPort, 0);
  });

  describe('reconfigure', () => {
    it('swaps rules and outbounds, keeps connections and selections', async () => {
      const target = await rig.echo();
      const plane = await rig.start({ 'proxy-groups': [group('G', 'REJECT', 'DIRECT')], rules: ['MATCH,G'] });
      await plane.control.select('G', 'DIRECT');
      const socket = await connect(plane, '127.0.0.1', target);
      const { mixedPort } = plane.control.settings();
      await plane.reconfigure(
        routeConfig({
          'mixed-port': mixedPort,
          'proxy-groups': [group('G', 'REJECT', 'DIRECT'), group('H', 'REJECT')],
          rules: ['MATCH,H'],
        }),
      );
      socket.write('still');
      assert.equal((await readExactly(socket, 5)).toString(), 'still');
      assert.equal(plane.control.outbound('G')?.group?.now, 'DIRECT');
      assert.equal((await readAll(await connect(plane, '127.0.0.1', target))).length, 0);
    });

    it('changes nothing when the new configuration is wrong', async () => {
      const plane = await rig.start({ rules: ['MATCH,REJECT'] });
      await assert.rejects(plane.reconfigure(routeConfig({ mode: 'direct', rules: ['MATCH,nobody'] })));
      assert.equal(plane.control.settings().mode, 'rule');
      assert.equal(plane.control.rules().length, 1);
    });
  });

  it('stop closes everything, also when it never started', async () => {
    const target = await rig.echo();
    const plane = await rig.create(routeConfig({ 'mixed-port': await freePort() }));
    await plane.start();
    const socket = await connect(plane, '127.0.0.1', target);
    await plane.stop(AbortSignal.timeout(1_000));
    assert.equal((await readAll(socket)).length, 0);
    assert.deepEqual(plane.control.listeners(), []);
    const idle = await rig.create(routeConfig({}));
    await idle.stop(AbortSignal.timeout(1_000));
  });
});
