#!/usr/bin/env node
// Plain JavaScript that runs on any Node >= 20: it only finds the right runtime and hands over to it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const RUNTIME_MAJOR = 26;
const root = fileURLToPath(new URL('..', import.meta.url));
const main = fileURLToPath(new URL('../packages/cli/src/main.ts', import.meta.url));
const pinned = `${root}node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`;
const flags = ['--disable-warning=ExperimentalWarning'];
// Stripped and compiled code is kept, so that only the first start after a change pays for it. Workers read this at
// their start, which is why it is an environment variable and not a call.
// Two malloc arenas are enough for our few threads; the C library's default of many costs memory.
const environment = {
  NODE_COMPILE_CACHE: `${root}node_modules/.cache/sluice`,
  MALLOC_ARENA_MAX: '2',
  ...process.env,
};

const isRightRuntime = Number(process.versions.node.split('.')[0]) >= RUNTIME_MAJOR;
if (isRightRuntime && process.execArgv.includes(flags[0]) && process.env.NODE_COMPILE_CACHE !== undefined) {
  await import(main);
} else {
  const runtime = isRightRuntime ? process.execPath : pinned;
  if (!existsSync(runtime)) {
    console.error(
      `sluice: the runtime is not installed (${runtime}); run "npm start" or "npm ci" in ${root} first`,
    );
    process.exit(1);
  }
  const args = [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  // Replacing this process keeps one pid for supervisors; older runtimes must stay as a parent.
  if (typeof process.execve === 'function') {
    // It is experimental, and says so unless it is told not to.
    process.removeAllListeners('warning');
    process.execve(runtime, [runtime, ...args], environment);
  }
  const child = spawn(runtime, args, { stdio: 'inherit', env: environment });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) {
    process.on(signal, () => {
      // A terminal sends SIGINT to the whole group already; a second one would count as impatience.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
