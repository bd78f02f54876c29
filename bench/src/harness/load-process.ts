import { fileURLToPath } from 'node:url';
import { CORES, PinnedProcess } from './pinned-process.ts';

/** What a load reports at the end of its measured time; `seconds` is how long that was. */
type LoadReport = Readonly<Record<string, number>> & { readonly seconds: number };

/** One measured load: its report and what the server and the load itself used meanwhile. */
export type Measured = {
  readonly report: LoadReport;
  readonly cpuSeconds: number;
  readonly loadCpuSeconds: number;
};

/** A running load; it prints `{"event":"ready"}`, `"start"` and `"end"` lines, the last with its report. */
export type RunningLoad = {
  readonly process: PinnedProcess;
  /** Resolves with the line of that event. @throws Error when the load ends first or takes too long */
  event(name: string, timeoutMs?: number): Promise<Record<string, unknown>>;
};

/** Starts `bench/src/load/<name>.ts` with its options on the load's core. */
export function startLoad(name: string, options: object): RunningLoad {
  const script = fileURLToPath(new URL(`../load/${name}.ts`, import.meta.url));
  const args = ['--disable-warning=ExperimentalWarning', script, JSON.stringify(options)];
  return startLoadProgram(name, process.execPath, args);
}

/** Starts a program that prints the lines of a load on the load's core. */
export function startLoadProgram(name: string, program: string, args: readonly string[]): RunningLoad {
  const seen = new Map<string, PromiseWithResolvers<Record<string, unknown>>>();
  const eventOf = (event: string) => {
    const known = seen.get(event) ?? Promise.withResolvers<Record<string, unknown>>();
    seen.set(event, known);
    return known;
  };
  const load = new PinnedProcess(program, { core: CORES.load, args }, (line) => {
    if (!line.startsWith('{')) return;
    const report = JSON.parse(line) as Record<string, unknown>;
    eventOf(String(report['event'])).resolve(report);
  });
  return {
    process: load,
    async event(event, timeoutMs = 30_000) {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => late.reject(new Error(`${name}: no "${event}" in time: ${load.output}`)),
        timeoutMs,
      );
      const ended = load.closed.then(() => {
        throw new Error(`${name} ended: ${load.output}`);
      });
      // Both may lose the race.
      ended.catch(() => undefined);
      late.promise.catch(() => undefined);
      try {
        return await Promise.race([eventOf(event).promise, late.promise, ended]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Runs a load against a server from its start line to its end line, sampling CPU at both. */
export function measureLoad(server: PinnedProcess, name: string, options: object): Promise<Measured> {
  return measureRunning(server, startLoad(name, options));
}

/** As `measureLoad`, with a load that has just been started; it is stopped. */
export async function measureRunning(server: PinnedProcess, load: RunningLoad): Promise<Measured> {
  try {
    await load.event('start');
    const before = { server: server.usage(), load: load.process.usage() };
    const report = (await load.event('end')) as unknown as LoadReport;
    const after = { server: server.usage(), load: load.process.usage() };
    if (server.exited) throw new Error(`the server ended under load: ${server.output}`);
    return {
      report,
      cpuSeconds: after.server.cpuSeconds - before.server.cpuSeconds,
      loadCpuSeconds: after.load.cpuSeconds - before.load.cpuSeconds,
    };
  } finally {
    await load.process.stop();
  }
}
