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
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128));
