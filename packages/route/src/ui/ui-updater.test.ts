import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { GatewayError } from '@sluice/base/errors';
import fc from 'fast-check';
import { type Header, pack } from 'tar-stream';
import type { FetchResponse } from '../fetch/fetcher.ts';
import { SafePaths } from '../provider/safe-paths.ts';
import { LogRecorder } from '../testing/log-recorder.ts';
import { zipOf } from '../testing/zip.ts';
import { resolveExternalUi } from './external-ui.ts';
import { UiUpdater } from './ui-updater.ts';
import { safeParts, unpackArchive } from './unpack-archive.ts';

async function tarOf(
  entries: readonly (readonly [Partial<Header> & { readonly name: string }, string])[],
): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of entries) tar.entry(header, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  return gzipSync(Buffer.concat(chunks));
}

describe('web interface', () => {
  let home: string;
  let target: string;
  let body: Uint8Array;
  let status: number;
  let log: LogRecorder;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'sluice-ui-'));
    target = join(home, 'web', 'ui');
    body = zipOf([
      ['dist/', ''],
      ['dist/index.html', 'new'],
      ['dist/assets/a.js', 'code'],
    ]);
    status = 200;
    log = new LogRecorder();
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const updater = (targetDir = target, automatic = true) =>
    new UiUpdater({
      log,
      homeDir: home,
      fetcher: {
        fetch: (): Promise<FetchResponse> =>
          Promise.resolve({ status, statusLine: `${status} Status`, headers: new Map(), body }),
      },
      ui: () => ({ servedDir: targetDir, targetDir, url: 'http://ui.test/a.zip', automatic }),
    });
  const rejects = (message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof GatewayError, String(error));
    assert.match(error.message, message);
    return true;
  };
  const contentOf = async (folder: string) => (await readdir(folder, { recursive: true })).sort();

  it('replaces the present files by those of a zip archive', async () => {
    await mkdir(target, { recursive: true });
    await writeFile(join(target, 'old.html'), 'old');
    await updater().update();
    assert.deepEqual(await contentOf(target), ['assets', 'assets/a.js', 'index.html']);
    assert.equal(await readFile(join(target, 'index.html'), 'utf8'), 'new');
    assert.deepEqual(await readdir(join(home, 'web')), ['ui']);
  });

  it('removes what an update left that was killed, and nothing else', async () => {
    for (const name of ['.ui-a1B2c3', '.ui-mine', 'other'])
      await mkdir(join(home, 'web', name, 'new'), { recursive: true });
    await updater().update();
    assert.deepEqual((await readdir(join(home, 'web'))).sort(), ['.ui-mine', 'other', 'ui']);
  });

  it('takes a tar archive, and one without a directory of its own', async () => {
    body = await tarOf([
      [{ name: './dist', type: 'directory' }, ''],
      [{ name: './dist/index.html' }, 'tar'],
    ]);
    await updater().update();
    assert.equal(await readFile(join(target, 'index.html'), 'utf8'), 'tar');
    body = zipOf([
      ['index.html', 'flat'],
      ['a.js', ''],
    ]);
    await updater().update();
    assert.deepEqual(await contentOf(target), ['a.js', 'index.html']);
  });

  it('keeps the present files when anything goes wrong', async () => {
    await updater().update();
    const present = await contentOf(target);
    const good = zipOf([['a/b', 'c']]);
    const twice = zipOf([
      ['d/x', 'a'],
      ['d/x', 'b'],
    ]);
    const cases: readonly [number, Uint8Array, RegExp][] = [
      [404, good, /^can't download file: 404 Status$/],
      [200, Buffer.from('<html>'), /^can't extract compressed file: unknown or unsupported file type$/],
      [200, zipOf([]), /^can't extract compressed file: /],
      [200, zipOf([['d/../../x', 'evil']]), /^can't extract compressed file: /],
      [200, zipOf([['/etc/x', 'evil']]), /^can't extract compressed file: /],
      [200, twice, /^can't extract compressed file: .*EEXIST/],
      [200, zipOf([['link', '/etc']], 0o120777), /neither a file nor a directory: link/],
      [200, await tarOf([[{ name: 'l', type: 'symlink', linkname: '/etc' }, '']]), /neither a file nor/],
      [200, await tarOf([[{ name: 'a/../../x' }, 'evil']]), /^can't extract compressed file: unsafe name/],
      [200, gzipSync('no tar at all'.repeat(100)), /^can't extract compressed file: /],
      [200, good.subarray(0, 80), /^can't extract compressed file: /],
    ];
    for (const [answered, archive, message] of cases) {
      status = answered;
      body = archive;
      await assert.rejects(updater().update(), rejects(message));
      assert.deepEqual(await contentOf(target), present);
      assert.deepEqual(await readdir(join(home, 'web')), ['ui']);
    }
  });

  it('never replaces the home directory or what is above it', async () => {
    for (const folder of [home, join(home, '..')])
      await assert.rejects(updater(folder).update(), rejects(/^prepare UI path failed: /));
  });

  it('downloads by itself when the directory is missing or empty', async () => {
    status = 500;
    await updater().ensure();
    assert.deepEqual(log.lines, ["error Error downloading UI: can't download file: 500 Status"]);
    status = 200;
    await mkdir(target, { recursive: true });
    await updater(target, false).ensure();
    assert.deepEqual(await readdir(target), []);
    await updater().ensure();
    assert.deepEqual(await readdir(target), ['assets', 'index.html']);
    body = zipOf([['other', '']]);
    await updater().ensure();
    assert.deepEqual(await readdir(target), ['assets', 'index.html']);
  });

  it('refuses archives that grow too large', async () => {
    const limits = { entries: 2, totalBytes: 10_000 };
    const unpack = (archive: Uint8Array) =>
      mkdtemp(join(home, 'x')).then((to) => unpackArchive(archive, to, limits));
    await assert.rejects(unpack(zipOf([['a', 'x'.repeat(10_001)]])), rejects(/too large/));
    await assert.rejects(
      unpack(await tarOf([[{ name: 'a' }, 'x'.repeat(20_000)]])),
      rejects(/too large|more than/),
    );
    await assert.rejects(
      unpack(
        zipOf([
          ['a', ''],
          ['b', ''],
          ['c', ''],
        ]),
      ),
      rejects(/more than 2 entries/),
    );
    assert.deepEqual([...(await unpack(zipOf([['a', 'x'.repeat(9_000)]])))], ['a']);
  });

  it('takes whatever an archive holds without leaving the directory', async () => {
    const part = fc.constantFrom('..', '.', '', 'a', 'b', '\\', 'C:', '...', '\u0000', 'ü');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const safe = safeParts(parts.join('/'));
        if (safe === undefined) return;
        assert.ok(join('/base', ...safe).startsWith('/base'));
        assert.ok(!safe.some((each) => each === '..' || each.includes('\\')));
      }),
    );
    const seeds = [
      zipOf([
        ['d/a', 'one'],
        ['d/b', 'two'],
      ]),
      await tarOf([[{ name: 'd/a' }, 'one']]),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
        async (seed, changes) => {
          const archive = Buffer.from(seed);
          for (const [at, value] of changes) archive[at % archive.length] = value;
          const folder = await mkdtemp(join(home, 'fuzz'));
          await Promise.allSettled([unpackArchive(archive, folder, { entries: 100, totalBytes: 10_000 })]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('settings of the web interface', () => {
  const resolve = (ui: string, name = '', url = '') => {
    const reports: string[] = [];
    const raw = { 'external-ui': ui, 'external-ui-name': name, 'external-ui-url': url };
    const resolved = resolveExternalUi(
      raw,
      new SafePaths('/home/u', {}),
      (_severity, _path, message) => void reports.push(message),
    );
    return { ...resolved, reports };
  };

  it('finds its directories', () => {
    assert.deepEqual(resolve(''), {
      servedDir: '',
      targetDir: '/home/u/ui',
      url: 'https://github.com/MetaCubeX/metacubexd/archive/refs/heads/gh-pages.zip',
      automatic: false,
      reports: [],
    });
    const named = resolve('./web', 'xd/deep', 'http://ui.test');
    assert.deepEqual(
      [named.servedDir, named.targetDir, named.automatic],
      ['/home/u/web', '/home/u/web/xd/deep', true],
    );
  });

  it('refuses names and paths that lead elsewhere', () => {
    for (const name of ['..', '../x', '/x', 'a/../..', '.', 'a\\b'])
      assert.deepEqual(resolve('web', name).reports, [`external UI name is not local: ${name}`]);
    assert.deepEqual(resolve('/srv/ui').reports, ['path is not subpath of home directory: /srv/ui']);
  });
});
