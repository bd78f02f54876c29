import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nativeSockets } from '@sluice/core/native/native-sockets';

const PROBE = fileURLToPath(new URL('./testing/transparent-probe.ts', import.meta.url));
const RULES = 'iptables -t mangle -A PREROUTING -p udp -j TPROXY --on-port 1 --tproxy-mark 1';

/** Why a namespace with packet filter rules cannot be had here. */
function obstacle(): string | false {
  const native = nativeSockets();
  if (!native.available) return native.reason;
  const tried = spawnSync('unshare', ['-n', 'sh', '-c', RULES], { stdio: 'ignore' });
  return tried.status === 0 ? false : 'no network namespaces with iptables';
}

it('takes redirected and transparently routed traffic, and answers in its name', {
  skip: obstacle(),
}, async () => {
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['-n', process.execPath, '--disable-warning=ExperimentalWarning', PROBE],
    { timeout: 20_000 },
  );
  assert.deepEqual(JSON.parse(stdout), {
    answers: ['hello', 'hello', 're:one 203.0.113.53:53', 're:two 203.0.113.53:53'],
    flows: [
      ['Redir', 'tcp', '10.99.0.1:80', 'redir', false],
      ['TProxy', 'tcp', '203.0.113.9:443', 'tproxy', false],
      ['TProxy', 'udp', '203.0.113.53:53', 'tproxy', true],
      ['TProxy', 'udp', '203.0.113.53:53', 'tproxy', true],
    ],
  });
});
