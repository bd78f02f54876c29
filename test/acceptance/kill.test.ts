import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type GatewayPorts, gatewayYaml, pickPorts } from '../support/gateway.ts';
import { bodyOf, type Origin, startOrigin } from '../support/origin.ts';
import { needs, runProgram } from '../support/programs.ts';
import { until } from '../support/until.ts';

const BIN = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));
const HOST = 'localhost';
const ROUNDS = 3;
const PARALLEL_CURLS = 3;
const REQUESTS_PER_CURL = 400;
const ACKNOWLEDGED_PER_ROUND = 60;

const folder = mkdtempSync(join(tmpdir(), 'sluice-kill-'));
const configFile = join(folder, 'sluice.yaml');
let ports: GatewayPorts;
let origin: Origin;

type RecordOnWire = {
  readonly id: string;
  readonly url: string;
  readonly body: string | null;
  readonly body_truncated: boolean;
};
type Page = { readonly data: readonly RecordOnWire[]; readonly pagination: { readonly total: number } };

/** What the origin answers to a path: some hundred to some ten thousand characters that only this path has. */
function answerTo(path: string): string {
  const digest = createHash('sha256').update(path).digest('hex');
  return `${path} ${digest.repeat(1 + (Number.parseInt(digest.slice(0, 2), 16) % 200))}`;
}

async function getJson<T>(path: string): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${ports.admin}/admin${path}`);
  assert.equal(answer.status, 200, path);
  return (await answer.json()) as T;
}

/** The process that holds the gateway, once it serves the admin API. */
async function startGateway(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [BIN, 'run', '-c', configFile], { cwd: folder, stdio: 'ignore' });
  await until('the admin API', async () => {
    assert.equal(child.exitCode, null, 'the gateway must not have ended');
    return await getJson<Page>('/requests-paginated?limit=1').catch((error: unknown) => {
      if (error instanceof TypeError) return undefined; // nobody listens yet
      throw error;
    });
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Sends requests with curl until it is done or the gateway is gone. */
function sendTraffic(round: number): Promise<unknown> {
  const proxy = ['--proxy', `http://127.0.0.1:${ports.capture}`, '--cacert', join(folder, 'ca', 'ca.pem')];
  const curls = Array.from({ length: PARALLEL_CURLS }, (_, index) => {
    const base = index === 0 ? `https://${HOST}:${origin.httpsPort}` : `http://${HOST}:${origin.httpPort}`;
    const url = `${base}/round-${round}/curl-${index}/[1-${REQUESTS_PER_CURL}]`;
    return runProgram('curl', ['-sS', '--max-time', '20', ...proxy, '--data', `sent by ${index}`, url]);
  });
  return Promise.all(curls);
}

/** Everything the list of requests shows, with the responses to it by request. */
async function acknowledged(atLeast: number): Promise<ReadonlyMap<string, RecordOnWire>> {
  const page = await until('stored exchanges', async () => {
    const found = await getJson<Page>('/requests-paginated?limit=1000');
    return found.pagination.total >= atLeast ? found : undefined;
  });
  return new Map(page.data.map((record) => [record.id, record]));
}

before(async () => {
  origin = await startOrigin(folder, HOST, async (request, response) => {
    await bodyOf(request);
    response.setHeader('content-type', 'text/plain').end(answerTo(request.url ?? ''));
  });
  ports = await pickPorts();
  writeFileSync(
    configFile,
    gatewayYaml(ports, {
      route: '  rules: ["MATCH,DIRECT"]',
      inspect: `  upstream-ca: ${JSON.stringify(origin.caFile)}`,
    }),
  );
});

after(() => {
  origin?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a gateway that is killed', () => {
  it('has everything it had listed, whole, after every restart', {
    ...needs('curl'),
    timeout: 60_000,
  }, async () => {
    const listed = new Map<string, RecordOnWire>();
    let gateway = await startGateway();
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        const before = listed.size;
        const traffic = sendTraffic(round);
        for (const [id, record] of await acknowledged(before + ACKNOWLEDGED_PER_ROUND))
          listed.set(id, record);
        await kill(gateway);
        await traffic;
        gateway = await startGateway();
        await expectAll(listed, round);
      }
    } finally {
      await kill(gateway);
    }
  });
});

async function expectAll(listed: ReadonlyMap<string, RecordOnWire>, round: number): Promise<void> {
  const requests = await getJson<readonly RecordOnWire[]>('/requests');
  const responses = await getJson<readonly (RecordOnWire & { request_id: string })[]>('/responses');
  const requestsById = new Map(requests.map((record) => [record.id, record]));
  const responsesByRequest = new Map(responses.map((record) => [record.request_id, record]));
  for (const [id, record] of listed) {
    const where = `round ${round}: ${record.url}`;
    const request = requestsById.get(id);
    assert.deepEqual(request, record, where);
    assert.match(request?.body ?? '', /^sent by \d$/, where);
    const response = responsesByRequest.get(id);
    assert.equal(response?.body, answerTo(new URL(record.url).pathname), where);
  }
  const { totalRequests } = await getJson<{ totalRequests: number }>('/stats');
  assert.equal(totalRequests, requests.length, 'the counters agree with the rows');
}
