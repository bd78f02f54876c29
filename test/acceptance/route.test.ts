import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { freePorts } from '../support/ports.ts';
import { needs, runProgram } from '../support/programs.ts';
import { until } from '../support/until.ts';

const HOST = 'origin.test';

type Connections = {
  connections:
    | {
        metadata: { host: string; destinationPort: string; type: string };
        rule: string;
        rulePayload: string;
        chains: string[];
        upload: number;
        download: number;
      }[]
    | null;
};

describe('curl through the mixed port', needs('curl', 'ss-server'), () => {
  let folder: string;
  let origin: Origin;
  let gateway: TestGateway;
  let shadowsocks: ChildProcess;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-origin-'));
    origin = await startOrigin(folder, HOST, (request, response) => {
      if (request.url === '/held') {
        // Stays open so that the connection can be looked at while it lives.
        response.write('x'.repeat(1000));
        return;
      }
      response.setHeader('content-type', 'text/plain');
      response.end(`hello from ${request.method} ${request.url}\n`);
    });
    const [ssPort = 0] = await freePorts(1);
    shadowsocks = spawn(
      'ss-server',
      ['-s', '127.0.0.1', '-p', String(ssPort), '-k', 'secret', '-m', 'aes-256-gcm', '-u'],
      { stdio: 'ignore' },
    );
    gateway = await startGateway({
      route: `  hosts: { ${HOST}: 127.0.0.1, plain.test: 127.0.0.1 }
  proxies:
    - { name: ss, type: ss, server: 127.0.0.1, port: ${ssPort}, cipher: aes-256-gcm, password: secret, udp: true }
  proxy-groups:
    - { name: Proxy, type: select, proxies: [DIRECT, ss] }
  rules:
    - DOMAIN-SUFFIX,${HOST},Proxy
    - MATCH,DIRECT
`,
    });
  });

  after(async () => {
    await gateway.stop();
    shadowsocks.kill();
    origin.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const curl = (...args: string[]) => runProgram('curl', ['-sS', '--max-time', '10', ...args]);
  const proxy = () => `127.0.0.1:${gateway.ports.mixed}`;
  const connections = async (): Promise<Connections> =>
    (await (await fetch(`http://127.0.0.1:${gateway.ports.control}/connections`)).json()) as Connections;

  async function assertHeld(chains: readonly string[], args: readonly string[]): Promise<void> {
    const child = spawn(
      'curl',
      ['-sS', '--max-time', '20', ...args, `http://${HOST}:${origin.httpPort}/held`],
      { stdio: 'ignore' },
    );
    try {
      const found = await until('the held connection', async () =>
        (await connections()).connections?.find(
          (each) => each.metadata.host === HOST && each.download > 1000,
        ),
      );
      assert.equal(found.rule, 'DomainSuffix');
      assert.equal(found.rulePayload, HOST);
      assert.deepEqual(found.chains, chains);
      assert.ok(found.upload > 50, `upload ${found.upload}`);
      assert.equal(found.metadata.destinationPort, String(origin.httpPort));
    } finally {
      child.kill();
    }
  }

  async function fetchEveryWay(): Promise<void> {
    const http = `http://${HOST}:${origin.httpPort}/a`;
    const https = `https://${HOST}:${origin.httpsPort}/a`;
    const ways: readonly string[][] = [
      ['-x', `http://${proxy()}`, http],
      ['-x', `http://${proxy()}`, '--cacert', origin.caFile, https],
      ['--socks5-hostname', proxy(), http],
      ['--socks5-hostname', proxy(), '--cacert', origin.caFile, https],
      ['--socks4a', proxy(), http],
    ];
    for (const args of ways) {
      const { code, stdout, stderr } = await curl(...args);
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
      assert.equal(stdout.toString(), 'hello from GET /a\n');
    }
  }

  it('reaches an origin by the rule the API names', async () => {
    await fetchEveryWay();
    await assertHeld(['DIRECT', 'Proxy'], ['--socks5-hostname', proxy()]);
    await assertHeld(['DIRECT', 'Proxy'], ['-x', `http://${proxy()}`]);
  });

  it('reaches it through a real Shadowsocks server once the group says so', async () => {
    const url = `http://127.0.0.1:${gateway.ports.control}/proxies/Proxy`;
    const selected = await fetch(url, { method: 'PUT', body: JSON.stringify({ name: 'ss' }) });
    assert.equal(selected.status, 204);
    await fetchEveryWay();
    await assertHeld(['ss', 'Proxy'], ['--socks5-hostname', proxy()]);
  });

  it('counts traffic and hits', async () => {
    const { rules } = (await (await fetch(`http://127.0.0.1:${gateway.ports.control}/rules`)).json()) as {
      rules: { type: string; extra: { hitCount: number } }[];
    };
    assert.equal(rules[0]?.type, 'DomainSuffix');
    assert.ok((rules[0]?.extra.hitCount ?? 0) >= 10);
    assert.ok(gateway.app.route.control.traffic().downTotal > 2000);
  });
});
