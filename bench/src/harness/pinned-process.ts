import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GroupUsage, groupUsage } from './process-usage.ts';
import { findProgram } from './programs.ts';

/** Where the measured server runs, and where everything that loads it runs. */
export const CORES = { server: 0, load: 1 } as const;

export type PinnedOptions = {
  readonly core: number;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Record<string, string>;
};

const STOP_PATIENCE_MS = 5_000;
const OUTPUT_LIMIT = 8_192;
const running = new Set<PinnedProcess>();

/** A program in its own process group on one core, with its standard output readable line by line. */
export class PinnedProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #exited = false;
  #output = '';

  constructor(program: string, options: PinnedOptions, onLine: (line: string) => void = () => undefined) {
    const taskset = availableParallelism() > 1 ? findProgram('taskset') : undefined;
    const [command, ...args] =
      taskset === undefined
        ? [program, ...options.args]
        : [taskset, '-c', String(options.core), program, ...options.args];
    this.#child = spawn(command ?? program, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const closed = Promise.withResolvers<void>();
    this.#closed = closed.promise;
    this.#child.once('error', (error) => this.#ended(error.message, closed.resolve));
    this.#child.once('close', () => this.#ended('', closed.resolve));
    this.#child.stderr?.on('data', (text: Buffer) => this.#keep(text.toString()));
    let rest = '';
    this.#child.stdout?.on('data', (text: Buffer) => {
      this.#keep(text.toString());
      const lines = (rest + text.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    running.add(this);
  }

  get exited(): boolean {
    return this.#exited;
  }

  /** The end of what the program printed, for telling why it failed. */
  get output(): string {
    return this.#output.trim();
  }

  get closed(): Promise<void> {
    return this.#closed;
  }

  usage(): GroupUsage {
    return groupUsage(this.#child.pid ?? -1);
  }

  /** Resolves once the program accepts connections. @throws Error when it ends or does not within the time */
  async listening(port: number, timeoutMs = 20_000): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!(await accepts(port))) {
      if (this.#exited) throw new Error(`ended before it listened: ${this.output}`);
      if (performance.now() > endMs) throw new Error(`does not listen on ${port}: ${this.output}`);
      await sleep(50);
    }
  }

  /** Ends the whole group: asked first, killed when that does not help. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const patience = new AbortController();
    const impatient = sleep(STOP_PATIENCE_MS, 'late', { signal: patience.signal }).catch(() => 'closed');
    if ((await Promise.race([this.#closed, impatient])) === 'late') this.signal('SIGKILL');
    patience.abort();
    await this.#closed;
    // Children of the program may outlive it.
    this.signal('SIGKILL');
    running.delete(this);
  }

  /** Sends a signal to the group; a group that is gone already is no error. */
  signal(name: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #ended(text: string, resolve: () => void): void {
    this.#keep(text);
    this.#exited = true;
    resolve();
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_LIMIT);
  }
}

/** Kills everything still running, for when the run is interrupted. */
export function killAll(): void {
  for (const each of running) each.signal('SIGKILL');
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
