import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ExplanationReply } from '@sluice/api/native/types';
import { runProgram } from '../program.ts';
import { explanationText } from './explanation-text.ts';

const EXPLANATION: ExplanationReply = {
  request: {
    host: 'a.test',
    port: 443,
    network: 'tcp',
    sourceIp: '192.168.1.7',
    inboundName: '',
    inboundType: '',
    user: '',
    process: '',
  },
  steps: [
    { stage: 'destination', outcome: 'chosen', text: 'TCP to a.test:443' },
    { stage: 'rule', outcome: 'passed', text: 'rule 0 GeoIP(zz) does not match', ruleIndex: 0 },
    { stage: 'dns', outcome: 'resolved', text: 'a.test is 203.0.113.7' },
    { stage: 'rule', outcome: 'matched', text: 'rule 12 Match matches: Proxy', ruleIndex: 12 },
    { stage: 'group', outcome: 'chosen', text: 'Proxy (Selector) goes through edge' },
  ],
  chain: ['Proxy', 'edge'],
  rule: 'Match',
  rulePayload: '',
  destinationIp: '203.0.113.7',
  inspected: false,
};

type Heard = { readonly url: string; readonly authorization: string | undefined; readonly body: unknown };

describe('sluice explain', () => {
  let server: Server;
  let address: string;
  let folder: string;
  let heard: Heard[];
  let reply: { readonly status: number; readonly text: string };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-explain-'));
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        heard.push({
          url: request.url ?? '',
          authorization: request.headers.authorization,
          body: JSON.parse(body),
        });
        response.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.text);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    heard = [];
    reply = { status: 200, text: JSON.stringify(EXPLANATION) };
  });

  async function explain(...args: string[]) {
    const out: string[] = [];
    const err: string[] = [];
    const code = await runProgram(['explain', ...args], {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      colour: false,
    });
    return { code, out: out.join('\n'), err: err.join('\n') };
  }

  it('asks the gateway that is named and tells the story', async () => {
    const args = ['--from', '192.168.1.7', '--network', 'udp', '--process', 'browser', '-s', 'open sesame'];
    const { code, out } = await explain('https://a.test/x', ...args, '--control', `http://${address}`);
    assert.equal(code, 0);
    assert.deepEqual(heard, [
      {
        url: '/api/v1/route/explain',
        authorization: 'Bearer open sesame',
        body: { target: 'https://a.test/x', network: 'udp', sourceIp: '192.168.1.7', process: 'browser' },
      },
    ]);
    assert.equal(
      out,
      [
        'TCP a.test:443 from 192.168.1.7',
        '',
        '  destination  → TCP to a.test:443',
        '  rule         · rule 0 GeoIP(zz) does not match',
        '  dns          = a.test is 203.0.113.7',
        '  rule         ✓ rule 12 Match matches: Proxy',
        '  group        → Proxy (Selector) goes through edge',
        '',
        'Proxy › edge   by Match at 203.0.113.7',
      ].join('\n'),
    );
  });

  it('finds the gateway and its secret in the configuration', async () => {
    const own = join(folder, 'sluice.yaml');
    writeFileSync(own, `control: { listen: "${address}", secret: from-file }\n`);
    assert.equal((await explain('a.test', '-c', own)).code, 0);
    const kernel = join(folder, 'config.yaml');
    writeFileSync(kernel, `external-controller: ${address}\nsecret: kernel\n`);
    assert.equal((await explain('a.test', '-f', kernel)).code, 0);
    assert.equal((await explain('a.test', '-c', own, '-s', 'given')).code, 0);
    assert.deepEqual(
      heard.map(({ authorization }) => authorization),
      ['Bearer from-file', 'Bearer kernel', 'Bearer given'],
    );
  });

  it('asks through a path, for gateways behind another server', async () => {
    await explain('a.test', '--control', `http://${address}/gateway`);
    assert.equal(heard[0]?.url, '/gateway/api/v1/route/explain');
  });

  it('prints the answer as JSON when asked', async () => {
    const { out } = await explain('a.test', '--control', address, '--json');
    assert.deepEqual(JSON.parse(out), EXPLANATION);
  });

  it('says what the gateway refuses', async () => {
    reply = { status: 400, text: JSON.stringify({ code: 'api.target', message: 'expected a URL' }) };
    assert.deepEqual(await explain('a b', '--control', address), {
      code: 1,
      out: '',
      err: 'sluice: expected a URL',
    });
  });

  it('tells a missing secret from a wrong one', async () => {
    reply = { status: 401, text: JSON.stringify({ code: 'api.unauthorized', message: 'no' }) };
    assert.match(
      (await explain('a.test', '--control', address)).err,
      /wants a secret; give it with --secret/,
    );
    assert.match((await explain('a.test', '--control', address, '-s', 'x')).err, /refuses the secret/);
  });

  it('says when nothing answers, or something else does', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const { code, err } = await explain('a.test', '--control', `http://127.0.0.1:${port}`);
    assert.equal(code, 1);
    assert.match(
      err,
      /^sluice: no gateway answers at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.* \(is it running\?/,
    );
    reply = { status: 200, text: '<html>' };
    assert.match((await explain('a.test', '--control', address)).err, /is no gateway that can explain$/);
    reply = { status: 404, text: JSON.stringify({ message: 'Not Found' }) };
    assert.match((await explain('a.test', '--control', address)).err, /\(status 404\) is no gateway/);
  });

  it('refuses options that make no sense before it asks', async () => {
    assert.deepEqual(await explain('a.test', '--from', 'me', '--control', address), {
      code: 2,
      out: '',
      err: 'sluice: --from: expected an IP address, found "me"',
    });
    assert.equal((await explain('a.test', '--network', 'sctp')).code, 2);
    assert.equal((await explain()).code, 2);
    assert.match((await explain('a.test', '--control', 'ftp://x')).err, /--control: expected a URL/);
    assert.deepEqual(heard, []);
  });
});

describe('the story of a connection', () => {
  it('is coloured for terminals', () => {
    const text = explanationText(EXPLANATION, true);
    assert.ok(text.startsWith('\u001b[1mTCP a.test:443\u001b[0m from'));
    assert.ok(text.includes('\u001b[32m✓\u001b[0m rule 12'));
  });

  it('lets no name steer the terminal', () => {
    const hostile = { ...EXPLANATION, chain: ['a\u001b[2Jb'], rulePayload: '\r\u009b31m' };
    assert.doesNotMatch(explanationText(hostile, false), /[^\P{Cc}\n]/u);
  });

  it('says when the connection would fail', () => {
    const text = explanationText({ ...EXPLANATION, chain: [] }, false);
    assert.ok(text.endsWith('\n\nThe connection would fail.'));
  });
});
