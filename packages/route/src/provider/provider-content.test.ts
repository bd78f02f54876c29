import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { EtagStore } from '../fetch/etag-store.ts';
import type { FetchRequest, FetchResponse } from '../fetch/fetcher.ts';
import { openRouteDatabase } from '../store/route-database.ts';
import { quietWrites } from '../store/testing/quiet-writes.ts';
import { LogRecorder } from '../testing/log-recorder.ts';
import type { ContentSource } from './provider-config.ts';
import { ProviderContent } from './provider-content.ts';

const URL = 'http://sub.test/list';
const HOUR_MS = 3_600_000;

describe('content of a provider', () => {
  let folder: string;
  let path: string;
  let clock: FakeClock;
  let log: LogRecorder;
  let database: ReturnType<typeof openRouteDatabase>;
  let requests: FetchRequest[];
  let answer: (request: FetchRequest) => Partial<FetchResponse> | Promise<Partial<FetchResponse>>;
  let accepted: string[];
  let started: ProviderContent<string>[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-provider-'));
    path = join(folder, 'deep', 'list');
    clock = new FakeClock();
    log = new LogRecorder();
    database = openRouteDatabase(':memory:');
    requests = [];
    answer = () => ({ body: Buffer.from('one') });
    accepted = [];
    started = [];
  });
  afterEach(async () => {
    for (const content of started) content.stop();
    database.close();
    await rm(folder, { recursive: true, force: true });
  });

  const http = (more: object = {}): ContentSource => ({
    kind: 'http',
    url: URL,
    path,
    intervalSeconds: 3600,
    outbound: 'node',
    headers: { 'x-own': ['1'] },
    sizeLimitBytes: 0,
    ...more,
  });
  const parse = (bytes: Uint8Array) => {
    const text = Buffer.from(bytes).toString();
    if (text.startsWith('bad')) throw new Error('no such content');
    return text;
  };
  function create(source: ContentSource, more: object = {}): ProviderContent<string> {
    const etags = new EtagStore(database, quietWrites());
    const fetcher = {
      fetch: async (request: FetchRequest) => {
        requests.push(request);
        const {
          status = 200,
          statusLine = `${status} OK`,
          headers = new Map(),
          body = new Uint8Array(),
        } = await answer(request);
        return { status, statusLine, headers, body };
      },
    };
    const content = new ProviderContent<string>(
      { name: 'p', kind: 'proxy', source, parse, accept: (text) => accepted.push(text), ...more },
      { clock, log, fetcher, etags: () => etags },
    );
    started.push(content);
    return content;
  }
  const rejects = (message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.kind, 'unavailable');
    assert.match(error.message, message);
    return true;
  };
  async function copy(text: string, ageMs: number) {
    path = join(folder, 'list');
    await writeFile(path, text);
    const seconds = (clock.now() - ageMs) / 1000;
    await utimes(path, seconds, seconds);
  }

  it('downloads, keeps a copy, and starts from it the next time', async () => {
    const first = create(http());
    await first.start();
    assert.deepEqual(accepted, ['one']);
    assert.equal(await readFile(path, 'utf8'), 'one');
    assert.deepEqual(await readdir(join(folder, 'deep')), ['list']);
    assert.equal(first.updatedAtMs, clock.now());
    const { url, outbound, headers, timeoutMs } = requests[0] as FetchRequest;
    assert.deepEqual(
      { url, outbound, headers, timeoutMs },
      {
        url: URL,
        outbound: 'node',
        headers: { 'x-own': ['1'] },
        timeoutMs: 20_000,
      },
    );

    await utimes(path, clock.now() / 1000, clock.now() / 1000);
    const second = create(http());
    await second.start();
    assert.deepEqual(accepted, ['one', 'one']);
    assert.equal(requests.length, 1);
  });

  it('refreshes an old copy in the background and a young one when its time comes', async () => {
    await copy('old', HOUR_MS + 1);
    answer = () => ({ body: Buffer.from('new') });
    const content = create(http());
    await content.start();
    assert.deepEqual(accepted, ['old']);
    assert.match(log.lines.join('\n'), /\[Provider\] p not updated for a long time, force refresh/);
    await until(() => accepted.length === 2);
    assert.equal(accepted[1], 'new');
    content.stop();

    await copy('young', HOUR_MS / 2);
    requests = [];
    await create(http()).start();
    clock.advance(HOUR_MS / 2 - 1);
    assert.equal(requests.length, 0);
    clock.advance(1);
    await until(() => accepted.length === 4);
    assert.equal(requests.length, 1);
    clock.advance(HOUR_MS);
    await until(() => requests.length === 2);
  });

  it('never replaces good content by something else', async () => {
    const content = create(http());
    await content.start();
    const page = '<!DOCTYPE html><title>Log in</title>';
    const answers: readonly [Partial<FetchResponse>, RegExp][] = [
      [{ status: 404, statusLine: '404 Not Found', body: Buffer.from('two') }, /^404 Not Found$/],
      [{ status: 304, statusLine: '304 Not Modified' }, /^304 Not Modified$/],
      [{ body: Buffer.from(page) }, /web page/],
      [{ body: Buffer.from(`\uFEFF \n${page.toLowerCase()}`) }, /web page/],
      [{ body: Buffer.from('bad') }, /^no such content$/],
    ];
    for (const [response, message] of answers) {
      answer = () => response;
      await assert.rejects(content.update(), rejects(message));
      assert.match(content.lastError, message);
    }
    answer = () => Promise.reject(new Error('unreachable'));
    clock.advance(HOUR_MS);
    await until(() => log.lines.some((line) => line === 'error [Provider] p pull error: unreachable'));
    assert.deepEqual(accepted, ['one']);
    assert.equal(await readFile(path, 'utf8'), 'one');
    answer = () => ({ body: Buffer.from('one') });
    await rm(path);
    await content.update();
    assert.equal(content.lastError, '');
    assert.deepEqual(accepted, ['one']);
    assert.equal(await readFile(path, 'utf8'), 'one');
  });

  it('asks with the entity tag of the content in use, over restarts', async () => {
    const etag = new Map([['etag', '"v1"']]);
    answer = () => ({ body: Buffer.from('one'), headers: etag });
    await create(http()).start();
    answer = ({ headers }) =>
      headers?.['if-none-match'] === '"v1"' ? { status: 304, headers: etag } : { body: Buffer.from('two') };
    clock.advance(5_000);
    const second = create(http());
    await second.start();
    await second.update();
    assert.equal(second.updatedAtMs, clock.now());
    assert.equal(Math.round((await stat(path)).mtimeMs), clock.now());
    assert.deepEqual(accepted, ['one', 'one']);
    await writeFile(path, 'other');
    const third = create(http());
    await third.start();
    await third.update();
    assert.deepEqual(accepted, ['one', 'one', 'other', 'two']);
  });

  it('says why there is nothing, tries again, and serves what stands in', async () => {
    answer = () => ({ status: 500, statusLine: '500 Oops' });
    const content = create(http({ intervalSeconds: 0 }), { fallback: () => 'stand-in' });
    await content.start();
    assert.deepEqual(log.lines, ['error initial proxy provider p error: 500 Oops']);
    assert.deepEqual(accepted, ['stand-in']);
    assert.equal(content.updatedAtMs, undefined);
    answer = () => ({ body: Buffer.from('one') });
    clock.advance(60_000);
    await until(() => accepted.length === 2);
    await until(() => content.lastError === '');
    clock.advance(HOUR_MS);
    assert.equal(requests.length, 2);
  });

  it('replaces a copy that is none, and lives without a place to write to', async () => {
    await copy('bad copy', 0);
    await create(http()).start();
    assert.deepEqual(accepted, ['one']);
    assert.match(log.lines.join('\n'), /copy is unusable: no such content/);
    await create(http({ path: join(path, 'below', 'a-file') })).start();
    assert.deepEqual(accepted, ['one', 'one']);
    assert.match(log.lines.join('\n'), /keeps no copy/);
  });

  it('shares one download between callers and drops it when stopped', async () => {
    const held = Promise.withResolvers<Partial<FetchResponse>>();
    answer = () => held.promise;
    const content = create(http());
    const start = content.start();
    await until(() => requests.length === 1);
    const update = content.update();
    content.stop();
    assert.equal(requests[0]?.signal?.aborted, true);
    held.resolve({ body: Buffer.from('late') });
    await assert.rejects(update, rejects(/abort/));
    await start;
    assert.equal(requests.length, 1);
    assert.deepEqual(accepted, []);
    clock.advance(10 * HOUR_MS);
    assert.equal(requests.length, 1);
  });

  it('follows a file', async () => {
    path = join(folder, 'list');
    const content = create({ kind: 'file', path });
    await content.start();
    assert.match(log.lines.join('\n'), /^error initial proxy provider p error: .*no such file/);
    await writeFile(path, 'written');
    await changed(() => accepted.length === 1);
    await writeFile(join(folder, 'draft'), 'replaced');
    await rename(join(folder, 'draft'), path);
    await changed(() => accepted.length === 2);
    await writeFile(path, 'bad');
    await changed(() => log.lines.some((line) => line.includes('pull error: no such content')));
    assert.deepEqual(accepted, ['written', 'replaced']);
    await assert.rejects(content.update(), rejects(/no such content/));
  });

  it('takes inline content once and dates every update', async () => {
    const content = create({ kind: 'inline' }, { fallback: () => 'inline' });
    await content.start();
    clock.advance(1000);
    await content.update();
    assert.deepEqual(accepted, ['inline']);
    assert.equal(content.updatedAtMs, clock.now());
  });

  /** Lets notifications arrive and moves time on, so that both they and the polling work. */
  async function changed(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(100);
    }
  }
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
