import type { Measured } from '../harness/load-process.ts';
import type { BenchOptions } from '../harness/options.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants } from '../harness/variants.ts';
import { freePorts } from '../harness/workspace.ts';
import { DANTE_SOCKS5, SLUICE_SOCKS5, tcpVariants } from './tcp-variants.ts';

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
  const variants = tcpVariants({ load: 'connection-load', parameters: load, targetPort: echoPort, keep });
  await measureVariants(section, variants, options);
  compare(section, PER_CORE, SLUICE_SOCKS5, DANTE_SOCKS5, { least: 2 });
  return section;
}
