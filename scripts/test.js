// npm test [-- files or node --test options]: sets up what is missing, then runs every test.
import { ensureDashboard, ensureInstalled, ensurePrograms, fail, run, runtime } from './setup.js';

ensureInstalled();
ensureDashboard();

const missing = ensurePrograms({
  curl: 'curl',
  ffmpeg: 'ffmpeg',
  ffprobe: 'ffmpeg',
  openssl: 'openssl',
  'ss-server': 'shadowsocks-libev',
  danted: 'dante-server',
  dig: 'bind9-dnsutils',
  chromium: 'chromium',
});
if (missing.length > 0) {
  const text = `missing programs: ${missing.join(', ')}`;
  if (process.env.CI) fail(`${text}; tests need them`);
  console.error(`${text}; the tests that need them are skipped here and fail in CI`);
}

const chosen = process.argv.slice(2);
const files = chosen.some((each) => !each.startsWith('-'))
  ? []
  : ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'];
run(runtime, [
  '--disable-warning=ExperimentalWarning',
  '--test',
  '--test-concurrency=2',
  '--test-timeout=180000',
  ...chosen,
  ...files,
]);
