import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { DashboardClient } from '../support/dashboard-client.ts';
import { type DashboardScene, driveMetacubexd, driveZashboard } from '../support/dashboard-scripts.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const SECRET = 'te st & <secret>';
const KNOWN = { name: 'known.test', address: '192.0.2.7' };

/** Every request of two open dashboards, as their pages send it, against a whole gateway. */
describe('the requests of open dashboards', { timeout: 60_000 }, () => {
  let origin: Server;
  let resolver: UdpSocket;
  let gateway: TestGateway;
  const clients = new Set<Socket>();

  before(async () => {
    origin = createServer((_request, response) => {
      // A delay of nothing would count as a failure.
      setTimeout(() => response.writeHead(204).end(), 10);
    });
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    resolver = createSocket('udp4');
    resolver.on('message', (query, { port, address }) => resolver.send(answerOf(query), port, address));
    await new Promise<void>((resolve) => resolver.bind(0, '127.0.0.1', resolve));
    const { port } = origin.address() as AddressInfo;
    gateway = await startGateway({
      control: `  secret: ${JSON.stringify(SECRET)}`,
      route: `  dns: { enable: true, listen: '', nameserver: ['127.0.0.1:${resolver.address().port}'], fallback: [] }
  proxies:
    - { name: 'plain / 100% <直连>', type: direct, udp: true }
  proxy-providers:
    'sub / 1':
      type: inline
      payload: [{ name: 'node & 1', type: direct }]
      health-check: { enable: true, lazy: true, url: 'http://127.0.0.1:${port}/', interval: 3600 }
  proxy-groups:
    - { name: Pick, type: select, proxies: ['plain / 100% <直连>', DIRECT], use: ['sub / 1'] }
    - { name: Auto, type: url-test, proxies: [DIRECT], use: ['sub / 1'], url: 'http://127.0.0.1:${port}/', interval: 3600 }
    - { name: Spare, type: fallback, proxies: [DIRECT], url: 'http://127.0.0.1:${port}/', interval: 3600 }
    - { name: Spread, type: load-balance, proxies: [DIRECT], url: 'http://127.0.0.1:${port}/', interval: 3600 }
  rule-providers:
    ads: { type: inline, behavior: domain, payload: ['+.ads.test'] }
  rules:
    - RULE-SET,ads,REJECT
    - MATCH,Pick
`,
    });
  });
  after(async () => {
    for (const client of clients) client.destroy();
    await gateway.stop();
    resolver.close();
    origin.closeAllConnections();
    await new Promise((resolve) => origin.close(resolve));
  });

  function scene(page: string): DashboardScene {
    const base = new URL(`http://127.0.0.1:${gateway.ports.control}`);
    const { port } = origin.address() as AddressInfo;
    return {
      page: new DashboardClient({ page, base, secret: SECRET }),
      stranger: new DashboardClient({ page, base, secret: 'wrong' }),
      testUrl: `http://127.0.0.1:${port}/generate_204?a=1&b=2`,
      known: KNOWN,
      openConnection: () => tunnel(gateway.ports.mixed, port, clients),
    };
  }

  it('metacubexd finds everything it needs', () => driveMetacubexd(scene('https://metacubexd.example')));
  it('zashboard finds everything it needs', () => driveZashboard(scene('http://board.zash.example')));
});

/** Opens a tunnel through the proxy and leaves it open. */
function tunnel(proxyPort: number, port: number, clients: Set<Socket>): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(proxyPort, '127.0.0.1');
    clients.add(socket);
    socket.on('error', reject);
    socket.on('close', () => clients.delete(socket));
    socket.once('data', () => resolve());
    socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  });
}

/** Answers A queries with the known address and anything else with nothing. */
function answerOf(query: Buffer): Buffer {
  const question = query.subarray(12, query.indexOf(0, 12) + 5);
  const isAddress = question.readUInt16BE(question.length - 4) === 1;
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(isAddress ? 1 : 0, 6);
  const record = Buffer.from('c00c000100010000003c0004c0000207', 'hex');
  return Buffer.concat([head, question, ...(isAddress ? [record] : [])]);
}
