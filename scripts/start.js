// npm start [-- command and options]: sets up what is missing, then runs the gateway.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureDashboard, ensureInstalled, root, runtime, toolEnvironment } from './setup.js';

ensureInstalled();
ensureDashboard();

const args = process.argv.slice(2);
const child = spawn(runtime, [join(root, 'bin', 'sluice.js'), ...args], {
  stdio: 'inherit',
  env: toolEnvironment(),
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // A terminal sends SIGINT to the whole group already.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
// npm passes a SIGTERM only to its shell, which dies without passing it on; a new parent is how that is noticed here.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) child.kill('SIGTERM');
}, 500).unref();
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128));
