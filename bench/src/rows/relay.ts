import { startGateway } from '../harness/gateway.ts';
import { type Measured, measureLoad } from '../harness/load-process.ts';
import type { BenchOptions } from '../harness/options.ts';
import { type Peer, type StartPeer, startDante, startHaproxyTcp } from '../harness/peers.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants, variant } from '../harness/variants.ts';
import { freePorts } from '../harness/workspace.ts';

const CONNECTIONS = 4;
const CPU = 'CPU-s/GB';

/** CPU that bulk transfer costs, beside haproxy in TCP mode and dante. */
export async function benchRelay(options: BenchOptions): Promise<Section> {
  const section = emptySection(`TCP relay, ${CONNECTIONS} connections, one direction`);
  const [sinkPort = 0] = await freePorts(1);
  const load = { sinkPort, connections: CONNECTIONS, seconds: options.seconds };
  const keep = (name: string, { report, cpuSeconds, loadCpuSeconds }: Measured) => {
    const gigabytes = (report['bytes'] ?? 0) / 1e9;
    if (gigabytes === 0) throw new Error('nothing came through');
    addValue(section, name, CPU, cpuSeconds / gigabytes);
    addValue(section, name, 'Gbit/s', (gigabytes * 8) / report.seconds);
    addValue(section, name, 'load CPU-s/GB', loadCpuSeconds / gigabytes);
  };
  const peer = (name: string, start: StartPeer, via: 'socks5' | 'plain') =>
    variant<Peer>({
      name,
      start: (folder) => start(folder, sinkPort),
      measure: async ({ process, port }) =>
        keep(name, await measureLoad(process, 'relay-load', { ...load, via, proxyPort: port })),
    });
  const variants = [
    variant({
      name: 'sluice, SOCKS5',
      start: (folder) => startGateway(folder),
      measure: async ({ process, ports }) =>
        keep(
          'sluice, SOCKS5',
          await measureLoad(process, 'relay-load', { ...load, via: 'socks5', proxyPort: ports.mixed }),
        ),
    }),
    peer('haproxy, plain TCP', startHaproxyTcp, 'plain'),
    peer('dante, SOCKS5', startDante, 'socks5'),
  ];
  await measureVariants(section, variants, options);
  compare(section, CPU, 'sluice, SOCKS5', 'haproxy, plain TCP', { most: 0.5 });
  addNote(section, 'haproxy forwards to one place and reads no SOCKS; its relaying is what is compared');
  return section;
}
