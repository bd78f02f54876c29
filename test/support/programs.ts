import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];

function isInstalled(program: string): boolean {
  return FOLDERS.some((folder) => folder !== '' && existsSync(join(folder, program)));
}

/**
 * Options for a test that needs real programs: skipped with a reason where one is missing, except in CI, where the missing
 * program fails the test.
 */
export function needs(...programs: readonly string[]): { readonly skip: string | false } {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0 || process.env['CI'] !== undefined) return { skip: false };
  return { skip: `not installed: ${missing.join(', ')}` };
}

export type Finished = { readonly code: number | null; readonly stdout: Buffer; readonly stderr: string };

/** Runs a program to its end (killed after `timeoutMs`) and returns what it said. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 30_000,
      killSignal: 'SIGKILL',
      env: options.env ?? process.env,
      cwd: options.cwd,
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}
