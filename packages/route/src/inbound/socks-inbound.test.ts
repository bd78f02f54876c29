import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { freePort, RouteRig, readAll, readExactly, until } from '../testing/route-rig.ts';

describe('SOCKS inbound', () => {
  let rig: RouteRig;
  beforeEach(() => {
    rig = new RouteRig();
  });
  afterEach(() => rig.close());

  const start = async (partial: Parameters<RouteRig['start']>[0] = {}) => {
    const plane = await rig.start(partial);
    const port = plane.control.settings().mixedPort;
    return { plane, socket: await rig.connect(port), port };
  };
  const request = (port: number) => Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]);

  async function open5(socket: Socket, port: number): Promise<void> {
    socket.write(Buffer.from([5, 1, 0]));
    assert.equal((await readExactly(socket, 2)).toString('hex'), '0500');
    socket.write(request(port));
    assert.equal((await readExactly(socket, 10)).toString('hex').slice(0, 16), '050000017f000001');
  }

  it('SOCKS5 CONNECT reaches the destination and shows in the table', async () => {
    const target = await rig.echo();
    const { plane, socket, port } = await start();
    await open5(socket, target);
    socket.write('hello');
    assert.equal((await readExactly(socket, 5)).toString(), 'hello');
    const [connection] = plane.control.connections();
    assert.ok(connection);
    assert.deepEqual(connection.chains, ['DIRECT']);
    assert.equal(connection.metadata.type, 'Socks5');
    assert.equal(connection.metadata.inboundName, 'DEFAULT-MIXED');
    assert.equal(connection.metadata.inboundPort, port);
    assert.equal(connection.metadata.destinationIp, '127.0.0.1');
    assert.equal(connection.upload, 5);
    assert.equal(connection.download, 5);
    socket.end();
    assert.equal((await readAll(socket)).length, 0);
    await until(() => plane.control.connections().length === 0);
    assert.ok(
      rig.lines.some((line) => line.endsWith(`--> 127.0.0.1:${target} doesn't match any rule using DIRECT`)),
    );
  });

  it('keeps bytes that arrive with the request, in one packet and byte by byte', async () => {
    const target = await rig.echo();
    const { socket, port } = await start();
    socket.write(Buffer.concat([Buffer.from([5, 1, 0]), request(target), Buffer.from('early')]));
    assert.equal((await readExactly(socket, 17)).subarray(12).toString(), 'early');
    const slow = await rig.connect(port);
    slow.setNoDelay(true);
    for (const byte of Buffer.concat([Buffer.from([5, 1, 0]), request(target), Buffer.from('slow')])) {
      slow.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await readExactly(slow, 16)).subarray(12).toString(), 'slow');
  });

  it('SOCKS4 and 4a', async () => {
    const target = await rig.echo();
    const { socket, port, plane } = await start();
    socket.write(Buffer.from([4, 1, target >> 8, target & 255, 127, 0, 0, 1, 0x62, 0]));
    const reply = Buffer.from([0, 90, target >> 8, target & 255, 127, 0, 0, 1]);
    assert.deepEqual(await readExactly(socket, 8), reply);
    socket.write('four');
    assert.equal((await readExactly(socket, 4)).toString(), 'four');
    assert.equal(plane.control.connections()[0]?.metadata.inboundUser, 'b');
    const named = await rig.connect(port);
    named.write(
      Buffer.concat([
        Buffer.from([4, 1, target >> 8, target & 255, 0, 0, 0, 1, 0]),
        Buffer.from('localhost\0x'),
      ]),
    );
    assert.equal((await readExactly(named, 9)).subarray(8).toString(), 'x');
  });

  describe('authentication', () => {
    const credentials = (user: string, password: string) =>
      Buffer.concat([
        Buffer.of(1, user.length),
        Buffer.from(user),
        Buffer.of(password.length),
        Buffer.from(password),
      ]);

    it('accepts the right user', async () => {
      const target = await rig.echo();
      const { plane, socket } = await start({ authentication: ['ann:secret'] });
      socket.write(Buffer.from([5, 1, 2]));
      assert.equal((await readExactly(socket, 2)).toString('hex'), '0502');
      socket.write(credentials('ann', 'secret'));
      assert.equal((await readExactly(socket, 2)).toString('hex'), '0100');
      socket.write(Buffer.concat([request(target), Buffer.from('x')]));
      await readExactly(socket, 11);
      assert.equal(plane.control.connections()[0]?.metadata.inboundUser, 'ann');
    });

    it('refuses and closes on a wrong or empty password', async () => {
      const { port } = await start({ authentication: ['ann:secret', 'bob:'] });
      for (const [user, password] of [
        ['ann', 'wrong'],
        ['bob', ''],
        ['eve', 'x'],
      ] as const) {
        const socket = await rig.connect(port);
        socket.write(Buffer.concat([Buffer.from([5, 1, 0]), credentials(user, password)]));
        assert.equal((await readAll(socket)).toString('hex'), '05020101');
      }
    });

    it('SOCKS4 checks the user-id as a user without password', async () => {
      const target = await rig.echo();
      const { socket, port } = await start({ authentication: ['bob:'] });
      const head = Buffer.from([4, 1, target >> 8, target & 255, 127, 0, 0, 1]);
      socket.write(Buffer.concat([head, Buffer.from('bob\0')]));
      assert.equal((await readExactly(socket, 8))[1], 90);
      const other = await rig.connect(port);
      other.write(Buffer.concat([head, Buffer.from('eve\0')]));
      assert.equal((await readAll(other))[1], 93);
    });

    it('asks nothing of exempt sources', async () => {
      const target = await rig.echo();
      const { socket } = await start({ authentication: ['a:b'], 'skip-auth-prefixes': ['127.0.0.0/8'] });
      await open5(socket, target);
    });
  });

  it('closes without a byte: refused sources, unknown commands, rubbish, cut handshakes', async () => {
    const { socket } = await start({ 'lan-disallowed-ips': ['127.0.0.1/32'] });
    assert.equal((await readAll(socket)).length, 0);
    const plane = await rig.start({ 'socks-port': await freePort(), 'mixed-port': 0 });
    const port = plane.control.settings().socksPort;
    for (const [sent, answer] of [
      [Buffer.from([5, 1, 0, 5, 2, 0, 1, 127, 0, 0, 1, 0, 80]), '0500'],
      [Buffer.from('GET / HTTP/1.1\r\n\r\n'), ''],
      [Buffer.from([5, 1, 0, 5, 1, 0, 9]), '0500'],
      [Buffer.from([5]), ''],
    ] as const) {
      const client = await rig.connect(port);
      client.end(sent);
      assert.equal((await readAll(client)).toString('hex'), answer);
    }
    const flood = await rig.connect(port);
    flood.write(Buffer.concat([Buffer.from([4, 1, 0, 80, 1, 2, 3, 4]), Buffer.alloc(4_000, 0x61)]));
    assert.equal((await readAll(flood)).length, 0);
    assert.deepEqual(plane.control.connections(), []);
  });

  it('survives any bytes on the mixed port', async () => {
    const { plane, port } = await start({ rules: ['MATCH,REJECT'] });
    const firstBytes = [4, 5, 0x47, 0x43, 0x16, 0];
    const sample = fc.sample(fc.tuple(fc.constantFrom(...firstBytes), fc.uint8Array({ maxLength: 300 })), 60);
    await Promise.all(
      sample.map(async ([first, rest]) => {
        const socket = await rig.connect(port);
        socket.end(Buffer.of(first, ...rest));
        await Promise.race([readAll(socket), once(socket, 'close')]);
      }),
    );
    await until(() => plane.control.connections().length === 0);
    const socket = await rig.connect(port);
    socket.write(Buffer.of(5, 1, 0));
    assert.equal((await readExactly(socket, 2)).toString('hex'), '0500');
  });
});
