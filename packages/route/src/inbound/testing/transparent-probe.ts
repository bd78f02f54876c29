/**
 * Runs in a network namespace of its own: sends connections and datagrams through a packet filter into transparent inbounds
 * and prints what arrived, as JSON.
 */
import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { until } from '../../testing/route-rig.ts';
import { InboundRig, inbound } from './inbound-rig.ts';

const SET_UP = `
ip link set lo up
ip addr add 10.99.0.1/32 dev lo
ip route add 203.0.113.0/24 dev lo
ip rule add fwmark 1 lookup 100
ip route add local 0.0.0.0/0 dev lo table 100
iptables -t nat -A OUTPUT -p tcp -d 10.99.0.1 --dport 80 -j REDIRECT --to-ports 7001
iptables -t mangle -A OUTPUT -d 203.0.113.0/24 -j MARK --set-mark 1
iptables -t mangle -A PREROUTING -p tcp -d 203.0.113.0/24 -j TPROXY --on-port 7002 --tproxy-mark 1
iptables -t mangle -A PREROUTING -p udp -d 203.0.113.0/24 -j TPROXY --on-port 7002 --tproxy-mark 1
`;

async function hello(host: string, port: number): Promise<string> {
  const socket = net.connect({ host, port });
  socket.write('hello');
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return data.toString();
}

const answers: string[] = [];
execFileSync('sh', ['-e', '-c', SET_UP], { stdio: ['ignore', 'ignore', 'inherit'] });
const origin = net.createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
origin.listen(7100, '127.0.0.1');
await once(origin, 'listening');
const rig = new InboundRig({ dialInstead: { host: '127.0.0.1', port: 7100 } });
await rig.set.apply([
  inbound({ kind: 'redir', name: 'redir', host: '', port: 7001, users: [] }),
  inbound({ kind: 'tproxy', name: 'tproxy', host: '', port: 7002, udp: true, users: [] }),
]);
answers.push(await hello('10.99.0.1', 80), await hello('203.0.113.9', 443));
const client = dgram.createSocket('udp4');
client.bind(0, '127.0.0.1');
await once(client, 'listening');
const { port } = client.address();
client.on('message', (data, from) => answers.push(`${data} ${from.address}:${from.port}`));
for (const query of ['one', 'two']) {
  const count = answers.length;
  client.send(query, 53, '203.0.113.53');
  await until(() => rig.packets.length > count - 2);
  const packet = rig.packets.at(-1);
  packet?.reply(Buffer.from(`re:${Buffer.from(packet.data)}`), { host: '203.0.113.53', port: 53 });
  await until(() => answers.length > count);
}
client.close();
const flows = [...rig.flows, ...rig.packets.map(({ metadata }) => metadata)].map((flow) => {
  const { type, network, host, destinationIp, destinationPort, inboundName, sourcePort } = flow;
  const isClient = network === 'udp' && sourcePort === port;
  return [type, network, `${host}${destinationIp}:${destinationPort}`, inboundName, isClient];
});
await rig.close();
origin.close();
process.stdout.write(JSON.stringify({ answers, flows }));
