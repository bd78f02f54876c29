import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { en } from './en.ts';
import { ru } from './ru.ts';
import { zh } from './zh.ts';

const SOURCES = new URL('../', import.meta.url);
const LANGUAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = { en, zh, ru };

/** Namespaces of which some keys are put together at run time, as in `level.${value}`. */
const COMPOSED = ['level.', 'theme.', 'dnsMode.', 'stage.', 'outcome.'];

function namesIn(message: string): string[] {
  return [...message.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? '').toSorted();
}

describe('messages', () => {
  for (const [language, messages] of Object.entries(LANGUAGES)) {
    it(`${language} has every key, none empty, with the same names to fill in`, () => {
      assert.deepEqual(Object.keys(messages).toSorted(), Object.keys(en).toSorted());
      for (const [key, english] of Object.entries(en)) {
        const message = messages[key] ?? '';
        assert.notEqual(message.trim(), '', `${language} ${key}`);
        assert.deepEqual(namesIn(message), namesIn(english), `${language} ${key}`);
      }
    });
  }

  it('are really translated', () => {
    const same = (messages: Readonly<Record<string, string>>) =>
      Object.entries(en).filter(
        ([key, english]) => messages[key] === english && /[a-z]{4}/.test(english.replace(/\{\{\w+\}\}/g, '')),
      );
    assert.deepEqual(same(ru), []);
    assert.deepEqual(same(zh), []);
  });

  it('are all used by the pages', () => {
    const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter(
      (file) => /\.tsx?$/.test(file) && !file.startsWith('text/'),
    );
    const code = files.map((file) => readFileSync(new URL(file, SOURCES), 'utf8')).join('\n');
    const unused = Object.keys(en).filter(
      (key) => !code.includes(`'${key}'`) && !COMPOSED.some((prefix) => key.startsWith(prefix)),
    );
    assert.deepEqual(unused, []);
  });
});
