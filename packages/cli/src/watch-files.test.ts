import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { watchFiles } from './watch-files.ts';

describe('watching configuration files', () => {
  let folder: string;
  let file: string;
  let changes: number;
  let close: () => void;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-watch-'));
    file = join(folder, 'sluice.yaml');
    writeFileSync(file, 'a');
    changes = 0;
    close = watchFiles(
      [file],
      () => {
        changes += 1;
      },
      (error) => assert.fail(error),
    );
  });
  afterEach(() => {
    close();
    rmSync(folder, { recursive: true, force: true });
  });

  const untilChanges = async (count: number) => {
    while (changes < count) await delay(5);
  };

  it('tells once of several writes in a row', async () => {
    for (const text of ['b', 'bc', 'bcd']) writeFileSync(file, text);
    await untilChanges(1);
    writeFileSync(file, 'e');
    await untilChanges(2);
    assert.equal(changes, 2);
  });

  it('tells of a file that is put in its place', async () => {
    writeFileSync(join(folder, 'sluice.yaml.new'), 'c');
    renameSync(join(folder, 'sluice.yaml.new'), file);
    await untilChanges(1);
  });

  it('says nothing about other files, nor about the same content', async () => {
    writeFileSync(join(folder, 'other.yaml'), 'x');
    writeFileSync(file, 'a');
    writeFileSync(file, 'b');
    await untilChanges(1);
    assert.equal(changes, 1);
  });
});
