import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadSettings } from '@sluice/cli/settings/load-settings';
import { formatIssue } from '@sluice/core/config/print-issue';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const configurations = globSync('docs/**/*.yaml', { cwd: ROOT }).sort();
const pages = [...globSync('*.md', { cwd: ROOT }), ...globSync('docs/**/*.md', { cwd: ROOT })].sort();

function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** Text, and the line it begins at, of every fenced block of a language. */
function blocksOf(
  page: string,
  language: string,
): readonly { readonly text: string; readonly line: number }[] {
  const markdown = read(page);
  const fences = markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
  return Array.from(fences, ({ 1: text = '', index }) => ({
    text,
    line: markdown.slice(0, index).split('\n').length,
  }));
}

describe('documents', () => {
  for (const file of configurations) {
    it(`${file} loads without a finding`, () => {
      const { settings, issues } = loadSettings({ file: join(ROOT, file), lint: true });
      assert.deepEqual(issues.map(formatIssue), []);
      assert.notEqual(settings, undefined);
    });
  }

  for (const page of pages) {
    for (const { text, line } of blocksOf(page, 'yaml')) {
      it(`the configuration at ${page}:${line} loads without a finding`, () => {
        const { settings, issues } = loadSettings({ text, lint: true });
        assert.deepEqual(issues.map(formatIssue), []);
        assert.notEqual(settings, undefined);
      });
    }

    it(`${page} links to files that are there`, () => {
      const links = Array.from(read(page).matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g), ([, link = '']) => link);
      const missing = links.filter((link) => !existsSync(join(ROOT, dirname(page), link)));
      assert.deepEqual(missing, []);
    });
  }

  it('finds what it is about', () => {
    assert.ok(configurations.length >= 2);
    assert.ok(pages.some((page) => blocksOf(page, 'yaml').length > 0));
  });
});
