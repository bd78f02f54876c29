import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { it } from 'node:test';
import { encodeSocksDatagramHeader } from '@sluice/codec/socks/udp-header';
import { datagramEngine } from '@sluice/core/native/datagram-engine';
import { engineStatus } from '@sluice/core/native/native-status';
import { RouteRig } from '../testing/route-rig.ts';

const ASSOCIATIONS = 10_000;
const AT_A_TIME = 100;
/** Sessions beyond these end the one that has been silent for the longest time. */
const SESSIONS = 4_096;

const descriptors = () => readdirSync('/proc/self/fd').length;

it(`${ASSOCIATIONS} UDP associations leave no sockets behind`, {
  skip: process.platform !== 'linux',
}, async (context) => {
  const rig = new RouteRig();
  try {
    datagramEngine();
    context.diagnostic(`engine: ${engineStatus().find(({ work }) => work === 'UDP relay')?.engine}`);
    const target = await rig.udpEcho();
    const plane = await rig.start({ rules: ['MATCH,DIRECT'] });
    const { mixedPort } = plane.control.settings();
    const header = encodeSocksDatagramHeader({ host: '127.0.0.1', port: target });
    const before = descriptors();
    for (let done = 0; done < ASSOCIATIONS; done += AT_A_TIME) {
      const clients = Array.from({ length: AT_A_TIME }, () => dgram.createSocket('udp4'));
      const answers = clients.map((client) => once(client, 'message'));
      for (const client of clients) client.send([header, Buffer.from('x')], mixedPort, '127.0.0.1');
      await Promise.all(answers);
      // The second datagram goes the way that is known by now.
      const more = clients.map((client) => once(client, 'message'));
      for (const client of clients) client.send([header, Buffer.from('y')], mixedPort, '127.0.0.1');
      await Promise.all(more);
      for (const client of clients) client.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(plane.control.connections().length, SESSIONS);
    assert.ok(descriptors() <= before + SESSIONS, `${descriptors() - before} descriptors more`);
    plane.control.closeAllConnections();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(descriptors(), before);
  } finally {
    await rig.close();
  }
});
