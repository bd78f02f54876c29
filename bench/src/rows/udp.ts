import { startGateway } from '../harness/gateway.ts';
import { measureRunning, startLoadProgram } from '../harness/load-process.ts';
import { nativeProgram } from '../harness/native-program.ts';
import type { BenchOptions } from '../harness/options.ts';
import { type Peer, startUdpRelay } from '../harness/peers.ts';
import type { PinnedProcess } from '../harness/pinned-process.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants, variant } from '../harness/variants.ts';

/** Flows, datagrams of each that are under way, and their size. */
const SHAPES = [
  { flows: 4, window: 64, bytes: 1_200 },
  { flows: 16, window: 64, bytes: 200 },
] as const;
const PER_CORE = 'datagrams/CPU-s';
const FAST = 'sluice, SOCKS5';
const PLAIN = 'sluice, SOCKS5, without ffi';
const C = 'C relay, SOCKS5';

/** What relaying datagrams there and back costs, beside a C program that does no more than that. */
export async function benchUdp(options: BenchOptions): Promise<Section> {
  const section = emptySection('UDP through SOCKS5 to an echo and back; a round trip is two datagrams');
  const load = nativeProgram('udp-load');
  if (load === undefined) {
    addNote(section, 'no C compiler, so there is no load');
    return section;
  }
  const measure = async (name: string, process: PinnedProcess, port: number) => {
    for (const { flows, window, bytes } of SHAPES) {
      const row = `${name}, ${flows} x ${bytes} bytes`;
      const args = [port, flows, window, bytes, options.seconds].map(String);
      const running = startLoadProgram('udp-load', load, args);
      const { report, cpuSeconds } = await measureRunning(process, running);
      const datagrams = 2 * (report['packets'] ?? 0);
      if (datagrams === 0) throw new Error('nothing came through');
      addValue(section, row, PER_CORE, datagrams / cpuSeconds);
      addValue(section, row, 'datagrams/s', datagrams / report.seconds);
      if ((report['lost'] ?? 0) > datagrams / 100)
        addNote(section, `${row}: ${report['lost']} were lost in one repeat`);
    }
  };
  const gateway = (name: string, env: Record<string, string>) =>
    variant({
      name,
      start: (folder) => startGateway(folder, { env }),
      measure: ({ process, ports }) => measure(name, process, ports.mixed),
    });
  const variants = [
    gateway(FAST, {}),
    variant<Peer>({
      name: C,
      start: startUdpRelay,
      measure: ({ process, port }) => measure(C, process, port),
    }),
    gateway(PLAIN, { SLUICE_NO_FFI: '1' }),
  ];
  await measureVariants(section, variants, options);
  for (const { flows, bytes } of SHAPES) {
    const shape = `${flows} x ${bytes} bytes`;
    compare(section, PER_CORE, `${FAST}, ${shape}`, `${PLAIN}, ${shape}`, { least: 2 });
    compare(section, PER_CORE, `${FAST}, ${shape}`, `${C}, ${shape}`, { least: 0.9 });
  }
  return section;
}
