import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { bodyOf, type Origin, startOrigin } from '../support/origin.ts';
import { needs, runProgram } from '../support/programs.ts';
import { until } from '../support/until.ts';

const HOST = 'captured.test';

type Page = {
  data: { id: string; url: string; status: number; headers: Record<string, string>; body: string }[];
  pagination: { total: number };
};

describe('curl through interception', needs('curl'), () => {
  let folder: string;
  let origin: Origin;
  let gateway: TestGateway;
  let caFile: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-origin-'));
    origin = await startOrigin(folder, HOST, async (request, response) => {
      const body = await bodyOf(request);
      response.writeHead(200, { 'content-type': 'application/json', 'x-origin': 'yes' });
      response.end(JSON.stringify({ path: request.url, method: request.method, received: body.length }));
    });
    gateway = await startGateway({
      route: `  hosts: { ${HOST}: 127.0.0.1 }
  rules:
    - DOMAIN,${HOST},DIRECT,inspect
    - MATCH,DIRECT
`,
      inspect: `  upstream-ca: ${origin.caFile}\n`,
    });
    caFile = join(folder, 'sluice-ca.pem');
    writeFileSync(caFile, await gateway.app.inspect.control.exportCa('pem'));
  });

  after(async () => {
    await gateway.stop();
    origin.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const admin = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${gateway.ports.admin}/admin${path}`, init);
  const curl = (...args: string[]) =>
    runProgram('curl', ['-sS', '--max-time', '10', '--cacert', caFile, ...args]);
  const url = (path: string) => `https://${HOST}:${origin.httpsPort}${path}`;

  async function stored(keyword: string): Promise<Page['data'][number]> {
    return await until(`a stored response for ${keyword}`, async () => {
      const page = (await (
        await admin(`/responses-paginated?keyword=${encodeURIComponent(keyword)}`)
      ).json()) as Page;
      return page.data[0];
    });
  }

  it('stores what passes through the capture port', async () => {
    const { code, stdout, stderr } = await curl(
      '--proxy',
      `http://127.0.0.1:${gateway.ports.capture}`,
      url('/through-port'),
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout.toString()), { path: '/through-port', method: 'GET', received: 0 });
    const record = await stored('/through-port');
    assert.equal(record.status, 200);
    assert.equal(record.headers['x-origin'], 'yes');
    assert.equal(record.body, stdout.toString());
  });

  it('stores what a rule of the route plane selects, uploads included', async () => {
    for (const [name, args] of Object.entries({
      connect: ['-x', `http://127.0.0.1:${gateway.ports.mixed}`],
      socks: ['--socks5-hostname', `127.0.0.1:${gateway.ports.mixed}`],
    })) {
      const { code, stdout, stderr } = await curl(
        ...args,
        '--data-binary',
        'x'.repeat(100_000),
        url(`/by-rule-${name}`),
      );
      assert.equal(code, 0, stderr);
      assert.equal(JSON.parse(stdout.toString()).received, 100_000);
      const record = await stored(`/by-rule-${name}`);
      const request = (await (await admin(`/requests-paginated?keyword=by-rule-${name}`)).json()) as Page;
      assert.equal(record.status, 200);
      assert.equal(request.data[0]?.body.length, 100_000);
    }
  });

  it('captures plain HTTP by rule', async () => {
    const { code, stdout, stderr } = await curl(
      '-x',
      `http://127.0.0.1:${gateway.ports.mixed}`,
      `http://${HOST}:${origin.httpPort}/plain`,
    );
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout.toString()).path, '/plain');
    assert.equal((await stored('/plain')).url, `http://${HOST}:${origin.httpPort}/plain`);
  });

  it('changes what curl sees once a response rule says so', async () => {
    const rule = {
      name: 'change',
      host: HOST,
      pathRegex: '^/ruled',
      method: 'GET',
      responseBody: '{"changed":true}',
      responseStatus: 418,
    };
    const created = await admin('/response-rules', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(rule),
    });
    assert.equal(created.status, 201);
    const { stdout } = await curl(
      '-w',
      ' %{http_code}',
      '--proxy',
      `http://127.0.0.1:${gateway.ports.capture}`,
      url('/ruled'),
    );
    assert.equal(stdout.toString(), '{"changed":true} 418');
    const record = await stored('/ruled');
    assert.equal(record.status, 200, 'the upstream answer is what is kept as the response');
    const page = (await (await admin('/requests-paginated?keyword=/ruled')).json()) as Page;
    const modified = await (await admin(`/modified-responses/${page.data[0]?.id}`)).json();
    assert.equal((modified as { status: number }).status, 418);
  });

  it('counts per host', async () => {
    const stats = (await (await admin('/stats')).json()) as {
      hosts: { hostname: string; requestCount: number; methods: Record<string, number> }[];
    };
    assert.equal(stats.hosts[0]?.hostname, HOST);
    assert.equal(stats.hosts[0]?.methods['POST'], 2);
  });
});
