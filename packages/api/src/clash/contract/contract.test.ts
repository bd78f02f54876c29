import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '@sluice/base/clock';
import type { HttpListener } from '@sluice/core/http/http-listener';
import { call, listen, openFeed, stop } from '../../test-support/http-client.ts';
import { createClashDialect } from '../clash-dialect.ts';
import { RuntimeProfiler } from '../debug/runtime-profiler.ts';
import { clashFixture } from '../test-support.ts';
import { CONFIG_CASES } from './config-cases.ts';
import type { ContractCase } from './contract-case.ts';
import { DEBUG_CASES, NO_DEBUG_CASES } from './debug-cases.ts';
import { DNS_CASES, STORAGE_CASES } from './dns-cases.ts';
import { MAINTENANCE_CASES } from './maintenance-cases.ts';
import { PAGE_CASES } from './page-cases.ts';
import { PROVIDER_CASES } from './provider-cases.ts';
import { PROXY_CASES } from './proxy-cases.ts';
import { STREAM_CASES, type StreamCase } from './stream-cases.ts';
import { TRAFFIC_CASES } from './traffic-cases.ts';

async function run(one: ContractCase, options: ContractCase['options'] = {}): Promise<void> {
  const fixture = clashFixture({ ...one.options, ...options });
  one.given?.(fixture);
  const listener = await listen(createClashDialect(fixture));
  try {
    const method = one.method ?? one.endpoint.slice(0, one.endpoint.indexOf(' '));
    const answer = await call(listener, method, one.path, {
      ...(one.headers === undefined ? {} : { headers: one.headers }),
      ...(one.body === undefined ? {} : { body: one.body }),
    });
    assert.equal(answer.status, one.status, answer.body);
    if (typeof one.text === 'string') assert.equal(answer.body, one.text);
    else if (one.text !== undefined) assert.match(answer.body, one.text);
    if (one.json !== undefined) assert.deepEqual(JSON.parse(answer.body), one.json);
    for (const [name, value] of Object.entries(one.replyHeaders ?? {}))
      assert.equal(answer.headers[name], value, name);
    if (one.asked !== undefined) assert.deepEqual(fixture.route.asked, one.asked);
    await one.check?.(answer, fixture);
  } finally {
    await stop(listener);
  }
}

const AREAS: Readonly<Record<string, readonly ContractCase[]>> = {
  pages: PAGE_CASES,
  configs: CONFIG_CASES,
  maintenance: MAINTENANCE_CASES,
  'proxies and groups': PROXY_CASES,
  providers: PROVIDER_CASES,
  'rules and connections': TRAFFIC_CASES,
  dns: DNS_CASES,
  storage: STORAGE_CASES,
  'debug switched off': NO_DEBUG_CASES,
};

for (const [area, cases] of Object.entries(AREAS)) {
  describe(`clash contract: ${area}`, { concurrency: 4, timeout: 120_000 }, () => {
    for (const one of cases) it(`${one.endpoint} ${one.name}`, () => run(one));
  });
}

describe('clash contract: debug', { timeout: 120_000 }, () => {
  const profiler = new RuntimeProfiler(systemClock);
  before(() => profiler.start());
  after(() => profiler.stop());
  for (const one of DEBUG_CASES)
    it(`${one.endpoint} ${one.name}`, () => run(one, { profiler, secret: 'nobody asks for it' }));
});

describe('clash contract: streams', { timeout: 60_000 }, () => {
  for (const one of STREAM_CASES) {
    it(`${one.endpoint} ${one.name}, over WebSocket`, () => overSocket(one));
    if (one.socketOnly !== true) it(`${one.endpoint} ${one.name}, as lines`, () => asLines(one));
  }
});

async function overSocket({ path, act, messages }: StreamCase): Promise<void> {
  const fixture = clashFixture();
  const listener = await listen(createClashDialect(fixture));
  const feed = await openFeed(listener, path);
  for (const message of messages) {
    act(fixture);
    check(await feed.next(), message);
  }
  feed.socket.terminate();
  await stop(listener);
}

async function asLines({ path, act, messages }: StreamCase): Promise<void> {
  const fixture = clashFixture();
  const listener = await listen(createClashDialect(fixture));
  // The status line leaves with the first message, so messages are made until it has arrived.
  const acting = setInterval(() => act(fixture), 5);
  const response = await openLines(listener, path);
  assert.equal(response.headers['content-type'], 'application/json');
  assert.equal(response.headers['transfer-encoding'], 'chunked');
  let received = '';
  for await (const chunk of response.setEncoding('utf8')) {
    received += chunk;
    if (received.split('\n').length > messages.length) break;
  }
  clearInterval(acting);
  const lines = received.split(/(?<=\n)/);
  for (const [index, message] of messages.entries()) check(lines[index] ?? '', message);
  await stop(listener);
}

function openLines(listener: HttpListener, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port: listener.address.port, path, agent: false }, resolve)
      .on('error', reject)
      .end();
  });
}

function check(actual: string, expected: string | RegExp): void {
  if (typeof expected === 'string') assert.equal(actual, expected);
  else assert.match(actual, expected);
}
