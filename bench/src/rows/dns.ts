import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startGateway } from '../harness/gateway.ts';
import { startLoad } from '../harness/load-process.ts';
import type { BenchOptions } from '../harness/options.ts';
import { CORES, PinnedProcess } from '../harness/pinned-process.ts';
import { findProgram } from '../harness/programs.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants, variant } from '../harness/variants.ts';
import { freePorts, withFolder } from '../harness/workspace.ts';

const NAMES = 1_000;
const OUTSTANDING = 200;
const PER_CORE = 'queries/CPU-s';
const FAST = 'sluice, cached answers';
const PLAIN = 'sluice, cached answers, without ffi';

/** What answering queries from the cache costs, as dnsperf asks them. */
export async function benchDns(options: BenchOptions): Promise<Section> {
  const section = emptySection(`DNS over UDP: ${NAMES} names that the cache knows, asked by dnsperf`);
  const dnsperf = findProgram('dnsperf');
  if (dnsperf === undefined) {
    addNote(section, 'dnsperf is not installed');
    return section;
  }
  const [dnsPort = 0, originPort = 0] = await freePorts(2);
  const ask = async (folder: string, seconds: number) => {
    const file = join(folder, 'queries.txt');
    const names = Array.from({ length: NAMES }, (_, index) => `name-${index}.example.com A`);
    writeFileSync(file, `${names.join('\n')}\n`);
    const args = ['-s', '127.0.0.1', '-p', `${dnsPort}`, '-d', file, '-l', `${seconds}`];
    const lines: string[] = [];
    const asking = new PinnedProcess(
      dnsperf,
      { core: CORES.load, args: [...args, '-c', '4', '-q', `${OUTSTANDING}`] },
      (line) => lines.push(line),
    );
    await asking.closed;
    await asking.stop();
    const figure = (name: string) =>
      Number(new RegExp(`${name}:\\s+([\\d.]+)`).exec(lines.join('\n'))?.[1] ?? 0);
    return { completed: figure('Queries completed'), perSecond: figure('Queries per second') };
  };
  const measure = async (name: string, gateway: PinnedProcess) => {
    await withFolder(async (folder) => {
      await ask(folder, 1.5);
      const before = gateway.usage().cpuSeconds;
      const { completed, perSecond } = await ask(folder, options.seconds);
      const cpuSeconds = gateway.usage().cpuSeconds - before;
      if (completed === 0) throw new Error('no query was answered');
      addValue(section, name, PER_CORE, completed / cpuSeconds);
      addValue(section, name, 'queries/s', perSecond);
    });
  };
  const route = `  dns: { enable: true, listen: "127.0.0.1:${dnsPort}", nameserver: ["127.0.0.1:${originPort}"] }`;
  const gateway = (name: string, env: Record<string, string>) =>
    variant({
      name,
      start: (folder) => startGateway(folder, { env, route }),
      measure: ({ process }) => measure(name, process),
    });
  const origin = startLoad('dns-origin', { port: originPort });
  try {
    await origin.event('ready');
    await measureVariants(section, [gateway(FAST, {}), gateway(PLAIN, { SLUICE_NO_FFI: '1' })], options);
  } finally {
    await origin.process.stop();
  }
  compare(section, PER_CORE, FAST, undefined, { least: 20_000 });
  return section;
}
