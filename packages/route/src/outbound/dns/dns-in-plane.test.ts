import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { encodeSocksDatagramHeader, parseSocksDatagram } from '@sluice/codec/socks/udp-header';
import { defaultOf } from '@sluice/core/config/decode';
import type { RouteConfig } from '../../config.ts';
import { dnsSchema } from '../../dns/config/dns-schema.ts';
import { RouteRig, readExactly } from '../../testing/route-rig.ts';

/** `a.test`, type A. */
const QUERY = Buffer.from('123401000001000000000000016104746573740000010001', 'hex');

describe('dns outbound in a plane', () => {
  let rig: RouteRig;
  beforeEach(() => {
    rig = new RouteRig();
  });
  afterEach(() => rig.close());

  const start = () =>
    rig.start({
      dns: { ...defaultOf<RouteConfig['dns']>(dnsSchema), enable: true, nameserver: ['udp://127.0.0.1:9'] },
      hosts: { 'a.test': '192.0.2.7' },
      proxies: [{ name: 'answers', type: 'dns' }],
      rules: ['DST-PORT,53,answers', 'MATCH,REJECT'],
    });
  const address = (reply: Uint8Array) => [...reply.subarray(-4)].join('.');

  it('answers a stream', async () => {
    const plane = await start();
    const socket = await rig.connect(plane.control.settings().mixedPort);
    socket.write('CONNECT 198.51.100.1:53 HTTP/1.1\r\n\r\n');
    await readExactly(socket, 39);
    socket.write(Buffer.concat([Buffer.of(0, QUERY.length), QUERY]));
    const length = (await readExactly(socket, 2)).readUInt16BE();
    const reply = await readExactly(socket, length);
    assert.equal(reply.readUInt16BE(0), 0x1234);
    assert.equal(address(reply), '192.0.2.7');
    assert.deepEqual(plane.control.connections()[0]?.chains, ['answers']);
  });

  it('answers datagrams from where they were sent to', async () => {
    const plane = await start();
    const port = plane.control.settings().mixedPort;
    const control = await rig.connect(port);
    control.write(Buffer.of(5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0));
    const socket = dgram.createSocket('udp4');
    rig.onClose(() => socket.close());
    await readExactly(control, 12);
    const to = { host: '198.51.100.1', port: 53 };
    socket.send(Buffer.concat([encodeSocksDatagramHeader(to), QUERY]), port, '127.0.0.1');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    const { remote, data } = parseSocksDatagram(answer);
    assert.deepEqual(remote, to);
    assert.equal(address(data), '192.0.2.7');
  });
});
