import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { errorText } from '@sluice/base/errors';
import { type BenchOptions, parseOptions } from './harness/options.ts';
import { killAll } from './harness/pinned-process.ts';
import { printSection, type Section } from './harness/section.ts';
import { benchConnections } from './rows/connections.ts';
import { benchDns } from './rows/dns.ts';
import { benchHttps } from './rows/https.ts';
import { benchIdle } from './rows/idle.ts';
import { benchRules, benchSealing, benchSets, benchStore } from './rows/in-process.ts';
import { benchLarge } from './rows/large.ts';
import { benchLive } from './rows/live.ts';
import { benchRelay } from './rows/relay.ts';
import { benchUdp } from './rows/udp.ts';

const SECTIONS: Readonly<Record<string, (options: BenchOptions) => Promise<Section>>> = {
  relay: benchRelay,
  socks: benchConnections,
  udp: benchUdp,
  dns: benchDns,
  large: benchLarge,
  rules: benchRules,
  sets: benchSets,
  flv: benchLive,
  https: benchHttps,
  store: benchStore,
  idle: benchIdle,
  aead: benchSealing,
};

async function main(): Promise<void> {
  const { names, options } = parseOptions(process.argv.slice(2));
  const unknown = names.find((name) => !(name in SECTIONS));
  if (unknown !== undefined)
    throw new Error(`no rows "${unknown}"; there are: ${Object.keys(SECTIONS).join(', ')}`);
  const wanted = names.length > 0 ? names : Object.keys(SECTIONS);

  const machine = describeMachine();
  console.log(
    `sluice bench, ${machine.join(', ')}; medians of ${options.repeats}, lowest to highest in parentheses`,
  );
  const startMs = performance.now();
  const sections: Record<string, Section> = {};
  let failures = 0;
  for (const name of wanted) {
    try {
      const section = await SECTIONS[name]?.(options);
      if (section === undefined) continue;
      sections[name] = section;
      console.log(printSection(section));
    } catch (error) {
      failures += 1;
      console.log(`\n${name} failed: ${errorText(error)}`);
    }
  }
  const file = writeResults({ machine, options, sections });
  console.log(`\n${Math.round((performance.now() - startMs) / 1_000)} s; written to ${file}`);
  process.exitCode = failures > 0 ? 1 : 0;
}

function describeMachine(): string[] {
  const [processor] = cpus();
  const load = loadavg().map((value) => value.toFixed(1));
  return [
    `${cpus().length} x ${processor?.model.trim() ?? 'unknown processor'}`,
    `${process.platform} ${release()}`,
    `Node ${process.versions.node}`,
    `commit ${commit()}`,
    `load ${load.join(' ')}`,
  ];
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

function writeResults(results: object): string {
  const folder = fileURLToPath(new URL('../results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = `${folder}latest.json`;
  writeFileSync(file, `${JSON.stringify({ takenAt: new Date().toISOString(), ...results }, null, 2)}\n`);
  return file;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(130);
  });
}
process.once('exit', killAll);
await main();
