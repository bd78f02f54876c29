import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { createLogHub } from '@sluice/core/log/log-hub';
import { makeDataFolder } from './data-folder.ts';

it('makes the folder, or a temporary one where that cannot be', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-data-test-'));
  const hub = createLogHub('silent', () => undefined);
  const good = join(folder, 'a', 'b');
  assert.equal(makeDataFolder(good, hub.logger), good);
  assert.deepEqual(readdirSync(good), []);
  writeFileSync(join(folder, 'file'), '');
  const other = makeDataFolder(join(folder, 'file', 'data'), hub.logger);
  assert.ok(existsSync(other));
  assert.match(hub.recent().at(-1)?.message ?? '', /cannot be written \(E.*this run keeps its data in /);
  for (const made of [folder, other]) rmSync(made, { recursive: true });
});
