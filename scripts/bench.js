// npm run bench [-- names]: installs the peers it can, then prints our figures beside theirs from one run.
import { ensureInstalled, ensurePrograms, run, runtime } from './setup.js';

ensureInstalled();
const missing = ensurePrograms({
  haproxy: 'haproxy',
  danted: 'dante-server',
  mitmdump: 'mitmproxy',
  ffmpeg: 'ffmpeg',
  taskset: 'util-linux',
  gcc: 'gcc',
  dnsperf: 'dnsperf',
});
if (missing.length > 0) console.error(`missing peers: ${missing.join(', ')}; their rows are left out`);
run(runtime, [
  '--disable-warning=ExperimentalWarning',
  '--expose-gc',
  'bench/src/main.ts',
  ...process.argv.slice(2),
]);
