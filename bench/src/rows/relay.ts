import type { Measured } from '../harness/load-process.ts';
import type { BenchOptions } from '../harness/options.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants } from '../harness/variants.ts';
import { freePorts } from '../harness/workspace.ts';
import { HAPROXY_PLAIN, SLUICE_SOCKS5, SPLICE_PLAIN, tcpVariants } from './tcp-variants.ts';

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
  const variants = tcpVariants({ load: 'relay-load', parameters: load, targetPort: sinkPort, keep });
  await measureVariants(section, variants, options);
  compare(section, CPU, SLUICE_SOCKS5, HAPROXY_PLAIN, { most: 0.5 });
  compare(section, CPU, SLUICE_SOCKS5, SPLICE_PLAIN, { most: 1.2 });
  addNote(
    section,
    'haproxy and the C relay forward to one place and read no SOCKS; their relaying is what is compared',
  );
  return section;
}
