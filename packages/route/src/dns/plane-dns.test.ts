import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { encodeQuery } from '@sluice/codec/dns/encode';
import { scanMessage } from '@sluice/codec/dns/message';
import { answerAddresses } from '@sluice/codec/dns/records';
import { DNS_TYPE } from '@sluice/codec/dns/types';
import { defaultOf } from '@sluice/core/config/decode';
import {
  freePort,
  type PartialRouteConfig,
  RouteRig,
  readExactly,
  routeConfig,
} from '../testing/route-rig.ts';
import { dnsSchema, type RawDns } from './config/dns-schema.ts';
import { address } from './testing/fake-exchanger.ts';
import { LoopbackDns } from './testing/loopback-dns.ts';

const REFUSED = 'refused';

describe('route plane with fake addresses', () => {
  let rig: RouteRig;
  let upstream: LoopbackDns;
  let config: PartialRouteConfig;
  let dnsPort: number;
  let proxyPort: number;
  let echoPort: number;

  beforeEach(async () => {
    rig = new RouteRig();
    upstream = new LoopbackDns({
      'echo.test A': [address('echo.test', '127.0.0.1')],
      'real.test A': [address('real.test', '127.0.0.1')],
    });
    const server = await upstream.listen();
    rig.onClose(() => upstream.close());
    echoPort = await rig.echo();
    dnsPort = await freePort();
    proxyPort = await freePort();
    const dns: RawDns = {
      ...defaultOf<RawDns>(dnsSchema),
      enable: true,
      listen: `127.0.0.1:${dnsPort}`,
      'enhanced-mode': 'fake-ip',
      'fake-ip-filter': ['real.test'],
      'default-nameserver': [server],
      nameserver: [server],
    };
    config = {
      'mixed-port': proxyPort,
      profile: { 'store-selected': true, 'store-fake-ip': true },
      rules: ['DOMAIN,echo.test,DIRECT', 'MATCH,REJECT'],
      dns,
    };
  });

  afterEach(() => rig.close());

  const ask = async (name: string, type: number = DNS_TYPE.A): Promise<string[]> => {
    const socket = dgram.createSocket('udp4');
    const answer = Promise.withResolvers<Uint8Array>();
    socket.once('message', answer.resolve);
    socket.send(encodeQuery(name, type, { id: 9, recursionDesired: true }), dnsPort, '127.0.0.1');
    const bytes = await answer.promise;
    socket.close();
    return answerAddresses(scanMessage(bytes)).map(({ ip }) => ip);
  };

  /** What comes back for `ping` through the SOCKS5 inbound. */
  const pingThrough = async (ip: string): Promise<string> => {
    const socket = await rig.connect(proxyPort);
    try {
      socket.write(Buffer.from('050100', 'hex'));
      await readExactly(socket, 2);
      const port = Buffer.of(echoPort >> 8, echoPort & 255);
      socket.write(Buffer.concat([Buffer.of(5, 1, 0, 1, ...ip.split('.').map(Number)), port]));
      await readExactly(socket, 10);
      socket.write('ping');
      return (await readExactly(socket, 4)).toString();
    } catch {
      return REFUSED;
    } finally {
      socket.destroy();
    }
  };

  it('hands out addresses, routes connections to them by name and refuses unknown ones', async () => {
    await rig.start(config);
    assert.deepEqual(await ask('echo.test'), ['198.18.0.4']);
    assert.deepEqual(await ask('other.test'), ['198.18.0.5']);
    assert.deepEqual(await ask('real.test'), ['127.0.0.1']);
    assert.deepEqual(await ask('echo.test', DNS_TYPE.HTTPS), []);
    assert.equal(await pingThrough('198.18.0.4'), 'ping');
    assert.equal(await pingThrough('198.18.0.5'), REFUSED);
    assert.equal(await pingThrough('198.18.0.99'), REFUSED);
    assert.ok(rig.lines.some((line) => line.includes('fake DNS record 198.18.0.99 missing')));
  });

  it('knows the addresses again after a restart', async () => {
    const first = await rig.create(routeConfig(config));
    await first.start();
    await ask('other.test');
    assert.deepEqual(await ask('echo.test'), ['198.18.0.5']);
    await first.stop(AbortSignal.timeout(1_000));
    await rig.start(config);
    assert.equal(await pingThrough('198.18.0.5'), 'ping');
    assert.deepEqual(await ask('new.test'), ['198.18.0.6']);
  });
});
