import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseControl } from './control-messages.ts';
import { nativeSockets } from './native-sockets.ts';
import { encodeSocketAddress, FAMILY_IPV4, FAMILY_IPV6, parseSocketAddress } from './socket-address.ts';
import {
  IP_ORIGINAL_DESTINATION,
  IP_RECEIVE_TOS,
  LEVEL_IP,
  LEVEL_TCP,
  TCP_KEEP_IDLE,
} from './socket-constants.ts';

describe('socket addresses', () => {
  const cases: readonly (readonly [number, string, string])[] = [
    [FAMILY_IPV4, '192.0.2.1', '02000050c00002010000000000000000'],
    [FAMILY_IPV4, '', '02000050000000000000000000000000'],
    [FAMILY_IPV6, '2001:db8::1', '0a0000500000000020010db800000000000000000000000100000000'],
    [FAMILY_IPV6, '192.0.2.1', '0a0000500000000000000000000000000000ffffc000020100000000'],
  ];
  for (const [family, host, hex] of cases) {
    it(`${host === '' ? 'any' : host} as family ${family}`, () => {
      const bytes = encodeSocketAddress({ host, port: 80 }, family);
      assert.equal(Buffer.from(bytes).toString('hex'), hex);
      assert.deepEqual(parseSocketAddress(bytes), { host: host === '' ? '0.0.0.0' : host, port: 80 });
    });
  }

  it('are not read from other bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void parseSocketAddress(bytes)));
    assert.equal(parseSocketAddress(Buffer.alloc(16)), undefined);
  });
});

describe('control messages', () => {
  const message = (level: number, type: number, data: Uint8Array) => {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(16 + data.length, 0);
    head.writeInt32LE(level, 8);
    head.writeInt32LE(type, 12);
    return Buffer.concat([head, data, Buffer.alloc(-data.length & 7)]);
  };

  it('tell where a datagram was sent and how', () => {
    const destination = encodeSocketAddress({ host: '203.0.113.1', port: 53 }, FAMILY_IPV4);
    const bytes = Buffer.concat([
      message(LEVEL_IP, 1, Buffer.of(0xb8)),
      message(LEVEL_IP, 99, Buffer.of(1, 2, 3)),
      message(LEVEL_IP, IP_ORIGINAL_DESTINATION, destination),
    ]);
    assert.deepEqual(parseControl(bytes), { destination: { host: '203.0.113.1', port: 53 }, tos: 0xb8 });
  });

  it('may be anything', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => void parseControl(bytes)));
  });
});

const availability = nativeSockets();

describe('native sockets', { skip: availability.available ? false : availability.reason }, () => {
  if (!availability.available) return;
  const { sockets } = availability;

  it('opens a listener that Node adopts, with its options', async () => {
    const fd = sockets.open(FAMILY_IPV4, 'stream');
    sockets.setOption(fd, LEVEL_TCP, TCP_KEEP_IDLE, 77, 'TCP_KEEPIDLE');
    assert.equal(sockets.option(fd, LEVEL_TCP, TCP_KEEP_IDLE), 77);
    sockets.bind(fd, FAMILY_IPV4, { host: '127.0.0.1', port: 0 });
    sockets.listen(fd, 16);
    const server = net.createServer((socket) => socket.end('hi'));
    server.listen({ fd });
    await once(server, 'listening');
    const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [data] = (await once(client, 'data')) as [Buffer];
    assert.equal(data.toString(), 'hi');
    assert.equal(sockets.originalDestination(fd, 4), undefined);
    client.destroy();
    server.close();
  });

  it('says which call failed and why', () => {
    const fd = sockets.open(FAMILY_IPV4, 'stream');
    assert.throws(() => sockets.bind(fd, FAMILY_IPV4, { host: '192.0.2.1', port: 0 }), {
      code: 'native.socket',
      message: /^bind: EADDRNOTAVAIL /,
    });
    sockets.close(fd);
    assert.throws(() => sockets.listen(fd, 1), { message: /^listen: EBADF / });
  });

  it('receives datagrams with what the kernel says about them', async () => {
    const fd = sockets.open(FAMILY_IPV4, 'datagram');
    sockets.setOption(fd, LEVEL_IP, IP_RECEIVE_TOS, 1, 'IP_RECVTOS');
    sockets.setOption(fd, LEVEL_IP, IP_ORIGINAL_DESTINATION, 1, 'IP_RECVORIGDSTADDR');
    sockets.bind(fd, FAMILY_IPV4, { host: '127.0.0.1', port: 0 });
    const probe = dgram.createSocket('udp4');
    const received = Promise.withResolvers<ReturnType<typeof sockets.receive>>();
    const stop = sockets.watch(fd, () => {
      const datagram = sockets.receive(fd);
      if (datagram !== undefined) received.resolve(datagram);
    });
    const port = sockets.localAddress(fd)?.port ?? 0;
    probe.send('tos', port, '127.0.0.1');
    // The watch alone does not keep the process waiting; the probe does.
    const datagram = await received.promise;
    assert.equal(datagram?.data.toString(), 'tos');
    assert.deepEqual(datagram?.source, { host: '127.0.0.1', port: probe.address().port });
    assert.deepEqual(datagram?.destination, { host: '127.0.0.1', port });
    assert.equal(datagram?.tos, 0);
    assert.equal(sockets.receive(fd), undefined);
    stop();
    sockets.close(fd);
    probe.close();
  });
});
