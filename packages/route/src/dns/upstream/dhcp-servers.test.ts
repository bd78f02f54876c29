import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { FakeClock, systemClock } from '@sluice/base/clock';
import { DhcpServers, dhcpSettings, type InterfaceAddress } from './dhcp-servers.ts';

const LOOPBACK: InterfaceAddress = {
  address: '127.0.0.1',
  netmask: '255.255.255.255',
  mac: '02:00:00:00:00:01',
};

/** A DHCP server that answers requests with one DNS server, garbage first. */
async function dhcpServer(onAsked: () => void): Promise<dgram.Socket> {
  const server = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(server, 'listening');
  server.on('message', (bytes, from) => {
    onAsked();
    const reply = Buffer.concat([
      bytes.subarray(0, 240),
      Buffer.from('3501050604 08080404 ff'.replaceAll(' ', ''), 'hex'),
    ]);
    reply[0] = 2;
    server.send(Buffer.from('garbage'), from.port, from.address);
    server.send(reply, from.port, from.address);
  });
  return server;
}

describe('DHCP servers', () => {
  it('are asked for once, until the address changes or an hour has passed', async () => {
    let asked = 0;
    const server = await dhcpServer(() => asked++);
    const clock = new FakeClock();
    let own = LOOPBACK;
    const servers = new DhcpServers({
      clock,
      serverPort: server.address().port,
      clientPort: 0,
      addressOf: () => own,
    });
    assert.deepEqual(await Promise.all([servers.current('lo'), servers.current('lo')]), [
      ['8.8.4.4'],
      ['8.8.4.4'],
    ]);
    clock.advance(30_000);
    await servers.current('lo');
    assert.equal(asked, 1);
    own = { ...LOOPBACK, address: '127.0.0.2', netmask: '255.255.255.255' };
    clock.advance(20_000);
    // The fake server only hears its own address, so the next request has to be given up.
    const unanswered = assert.rejects(servers.current('lo'), {
      code: 'dns.dhcp',
      message: 'DHCP: no DHCP server answered',
    });
    clock.advance(60_000);
    await unanswered;
    own = LOOPBACK;
    await servers.current('lo');
    clock.advance(3_600_000);
    await servers.current('lo');
    assert.ok(asked >= 2);
    server.close();
  });

  it('report what is wrong', async () => {
    const none = new DhcpServers({ ...dhcpSettings(systemClock), addressOf: () => undefined });
    await assert.rejects(none.current('eth9'), { message: 'DHCP: interface eth9 has no IPv4 address' });
    const clock = new FakeClock();
    const closing = new DhcpServers({ clock, serverPort: 9, clientPort: 0, addressOf: () => LOOPBACK });
    const asking = assert.rejects(closing.current('lo'), { message: /^DHCP: / });
    closing.close();
    await asking;
  });
});
