import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { upgradeInstallation } from './upgrade.ts';

describe('upgrading through npm', () => {
  let folder: string;
  let root: string;
  let npm: string;

  const installAt = (place: string) => {
    root = join(folder, place);
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'sluice', version: '0.1.0' }));
  };
  /** A program in npm's place that notes what it was called with. */
  const npmThat = (script: string) => {
    npm = join(folder, 'npm');
    writeFileSync(npm, `#!/bin/sh\necho "$@" >> ${join(folder, 'calls')}\n${script}\n`);
    chmodSync(npm, 0o755);
  };
  const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-upgrade-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('installs the published version where the running one is', async () => {
    installAt('project/node_modules/sluice');
    npmThat('[ "$1" = view ] && echo 0.2.0 || true');
    const done = await upgradeInstallation({ channel: undefined, force: false }, { root, npm });
    assert.deepEqual(done, { from: '0.1.0', to: '0.2.0' });
    assert.deepEqual(calls(), [
      'view sluice@latest version',
      `install --no-save --no-audit --no-fund --prefix ${join(folder, 'project')} sluice@0.2.0`,
    ]);
  });

  it('keeps to the channel, and to the global place', async () => {
    installAt('lib/node_modules/sluice');
    npmThat('[ "$1" = view ] && echo 0.3.0-alpha.1 || true');
    await upgradeInstallation({ channel: 'alpha', force: false }, { root, npm });
    assert.deepEqual(calls(), [
      'view sluice@alpha version',
      `install --global --no-audit --no-fund --prefix ${folder} sluice@0.3.0-alpha.1`,
    ]);
  });

  it('refuses the version it has, unless forced', async () => {
    installAt('project/node_modules/sluice');
    npmThat('[ "$1" = view ] && echo 0.1.0 || true');
    const request = (force: boolean) => upgradeInstallation({ channel: 'release', force }, { root, npm });
    await assert.rejects(request(false), { message: 'update error: already using latest version 0.1.0' });
    assert.equal((await request(true)).to, '0.1.0');
  });

  it('says what npm said when it fails', async () => {
    installAt('project/node_modules/sluice');
    npmThat('echo "npm error code E404" >&2; exit 1');
    const upgrade = () => upgradeInstallation({ channel: undefined, force: false }, { root, npm });
    await assert.rejects(upgrade(), { message: 'get latest version: npm error code E404' });
    npmThat('[ "$1" = view ] && echo 0.2.0 && exit 0; echo "npm error disk full" >&2; exit 1');
    await assert.rejects(upgrade(), { message: 'downloading: npm error disk full' });
    npmThat('echo nonsense');
    await assert.rejects(upgrade(), {
      message: 'get latest version: no version of sluice@latest is published',
    });
  });

  it('leaves a copy alone that npm did not install', async () => {
    installAt('checkout');
    npmThat('exit 1');
    await assert.rejects(upgradeInstallation({ channel: undefined, force: false }, { root, npm }), {
      message: /already using latest version 0\.1\.0 \(this copy is not installed by npm/,
    });
  });
});
