import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from './programs.ts';

let folder: string | undefined;
const built = new Map<string, string>();

/** The program made of `bench/src/native/<name>.c`, compiled once in a run; undefined without a compiler. */
export function nativeProgram(name: string): string | undefined {
  const known = built.get(name);
  if (known !== undefined) return known;
  const compiler = findProgram('gcc') ?? findProgram('cc');
  if (compiler === undefined) return undefined;
  folder ??= makeFolder();
  const source = fileURLToPath(new URL(`../native/${name}.c`, import.meta.url));
  const program = join(folder, name);
  execFileSync(compiler, ['-O2', '-Wall', '-pthread', '-o', program, source]);
  built.set(name, program);
  return program;
}

function makeFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'sluice-bench-native-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  return made;
}
