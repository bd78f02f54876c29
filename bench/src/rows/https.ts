import { startGateway } from '../harness/gateway.ts';
import { measureLoad } from '../harness/load-process.ts';
import type { BenchOptions } from '../harness/options.ts';
import { startOrigin } from '../harness/origin.ts';
import { startHaproxyHttp, startMitmproxy } from '../harness/peers.ts';
import type { PinnedProcess } from '../harness/pinned-process.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants, variant } from '../harness/variants.ts';

const BODY_BYTES = 2_048;
const CONNECTIONS = 32;
const PER_CORE = 'requests/CPU-s';
const CPU = 'CPU us/request';

type Job = 'https, kept connections' | 'https, a new connection each' | 'http, kept connections';

const JOBS: Readonly<Record<Job, { readonly tls: boolean; readonly keepAlive: boolean }>> = {
  'https, kept connections': { tls: true, keepAlive: true },
  'https, a new connection each': { tls: true, keepAlive: false },
  'http, kept connections': { tls: false, keepAlive: true },
};
const CAPTURED: readonly Job[] = [
  'https, kept connections',
  'https, a new connection each',
  'http, kept connections',
];
const FORWARDED: readonly Job[] = ['http, kept connections'];

/** Requests through an intercepting proxy that keeps them, beside mitmproxy; and forwarded unread, beside haproxy in HTTP mode. */
export async function benchHttps(options: BenchOptions): Promise<Section> {
  const section = emptySection(`HTTP(S) requests, ${BODY_BYTES} byte bodies, ${CONNECTIONS} connections`);
  const origin = await startOrigin(BODY_BYTES);
  const measure = async (name: string, process: PinnedProcess, proxyPort: number, jobs: readonly Job[]) => {
    for (const job of jobs) {
      const { tls, keepAlive } = JOBS[job];
      const { report, cpuSeconds } = await measureLoad(process, 'http-load', {
        proxyPort,
        originPort: tls ? origin.httpsPort : origin.httpPort,
        host: origin.host,
        tls,
        keepAlive,
        connections: CONNECTIONS,
        bodyBytes: BODY_BYTES,
        seconds: options.seconds,
      });
      const requests = report['requests'] ?? 0;
      if (requests === 0) throw new Error('nothing came through');
      const row = `${name}: ${job}`;
      addValue(section, row, CPU, (cpuSeconds * 1e6) / requests);
      addValue(section, row, PER_CORE, requests / cpuSeconds);
      addValue(section, row, 'requests/s', requests / report.seconds);
      if (keepAlive && (report['closed'] ?? 0) > 0)
        addNote(section, `${row}: ${report['closed']} connections were not kept in one repeat`);
      if ((report['failed'] ?? 0) > 0)
        addNote(section, `${row}: ${report['failed']} connections failed in one repeat`);
    }
  };
  const variants = [
    variant({
      name: 'sluice',
      start: (folder) => startGateway(folder),
      measure: async ({ process, ports }) => {
        await measure('sluice, captured', process, ports.capture, CAPTURED);
        await measure('sluice, forwarded', process, ports.mixed, FORWARDED);
      },
    }),
    variant({
      name: 'mitmproxy',
      start: (folder) => startMitmproxy(folder, 0),
      measure: ({ process, port }) => measure('mitmproxy', process, port, CAPTURED),
    }),
    variant({
      name: 'haproxy',
      start: (folder) => startHaproxyHttp(folder, origin.httpPort),
      measure: ({ process, port }) => measure('haproxy', process, port, FORWARDED),
    }),
  ];
  try {
    await measureVariants(section, variants, options);
  } finally {
    await origin.load.process.stop();
  }
  const [kept, fresh, plain] = CAPTURED;
  compare(section, PER_CORE, `sluice, captured: ${kept}`, `mitmproxy: ${kept}`, { least: 10 });
  compare(section, PER_CORE, `sluice, captured: ${fresh}`, `mitmproxy: ${fresh}`, { least: 8 });
  compare(section, CPU, `sluice, forwarded: ${plain}`, `haproxy: ${plain}`, { most: 1.1 });
  addNote(section, 'the gateway writes what it captures to disk; mitmdump keeps nothing after a request');
  return section;
}
