import { startGateway } from '../harness/gateway.ts';
import { type Measured, measureLoad } from '../harness/load-process.ts';
import type { BenchOptions } from '../harness/options.ts';
import { type Peer, type StartPeer, startDante, startHaproxyTcp } from '../harness/peers.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants, variant } from '../harness/variants.ts';
import { freePorts } from '../harness/workspace.ts';

const IN_FLIGHT = 64;
const PER_CORE = 'connections/CPU-s';
const CPU = 'CPU us/connection';

/** What a short SOCKS5 connection costs, beside dante and haproxy as a plain TCP forwarder. */
export async function benchConnections(options: BenchOptions): Promise<Section> {
  const section = emptySection(
    `SOCKS5 connections: hello, CONNECT, one byte echoed, close; ${IN_FLIGHT} at a time`,
  );
  const [echoPort = 0] = await freePorts(1);
  const load = { echoPort, inFlight: IN_FLIGHT, seconds: options.seconds };
  const keep = (name: string, { report, cpuSeconds }: Measured) => {
    const connections = report['connections'] ?? 0;
    if (connections === 0) throw new Error('nothing came through');
    addValue(section, name, CPU, (cpuSeconds * 1e6) / connections);
    addValue(section, name, PER_CORE, connections / cpuSeconds);
    addValue(section, name, 'connections/s', connections / report.seconds);
    if ((report['failed'] ?? 0) > 0)
      addNote(section, `${name}: ${report['failed']} connections failed in one repeat`);
  };
  const peer = (name: string, start: StartPeer, via: 'socks5' | 'plain') =>
    variant<Peer>({
      name,
      start: (folder) => start(folder, echoPort),
      measure: async ({ process, port }) =>
        keep(name, await measureLoad(process, 'connection-load', { ...load, via, proxyPort: port })),
    });
  const variants = [
    variant({
      name: 'sluice, SOCKS5',
      start: (folder) => startGateway(folder),
      measure: async ({ process, ports }) =>
        keep(
          'sluice, SOCKS5',
          await measureLoad(process, 'connection-load', { ...load, via: 'socks5', proxyPort: ports.mixed }),
        ),
    }),
    peer('dante, SOCKS5', startDante, 'socks5'),
    peer('haproxy, plain TCP', startHaproxyTcp, 'plain'),
  ];
  await measureVariants(section, variants, options);
  compare(section, PER_CORE, 'sluice, SOCKS5', 'dante, SOCKS5', { least: 2 });
  return section;
}
