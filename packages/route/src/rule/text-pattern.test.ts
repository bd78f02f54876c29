import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { regexTest, wildcardTest } from './text-pattern.ts';

describe('regexTest', () => {
  for (const [pattern, text, expected] of [
    ['^a{1,3}\\.example$', 'AA.example', true],
    ['^a{1,3}\\.example$', 'aaaa.example', false],
    ['(?i)GOOGLE', 'www.google.com', true],
    ['ads?\\d+', 'x.ad12.test', true],
    ['^(?!www\\.).*\\.test$', 'www.a.test', false],
    ['^(?!www\\.).*\\.test$', 'ftp.a.test', true],
    ['(?<=cdn)\\d', 'cdn7.test', true],
    ['^(?P<name>\\w+)\\.\\k<name>$', 'abc.abc', true],
    ['^(?<name>\\w+)\\.test$', 'abc.test', true],
    ['^([a-z]+\\.)+test$', 'a.b.c.test', true],
    ['^([a-z]+\\.)+test$', 'a.b.1.test', false],
    ['^(?:(?!x)[a-z]+)+\\.test$', 'abc.test', true],
    ['a.*?b', 'xaxxb', true],
  ] as const) {
    it(`${pattern} ${expected ? 'fits' : 'does not fit'} ${text}`, () => {
      assert.equal(regexTest(pattern)(text), expected);
    });
  }

  it('refuses what is no expression', () => {
    for (const pattern of ['(', '[a', 'a**', '(?<n>a)(?<n>b)', '\\']) {
      assert.throws(() => regexTest(pattern), { code: 'route.rule' }, pattern);
    }
  });
});

describe('wildcardTest', () => {
  for (const [pattern, text, expected] of [
    ['*.Example.com', 'a.b.EXAMPLE.com', true],
    ['*.example.com', 'example.com', false],
    ['*example.com', 'example.com', true],
    ['?.test', 'a.test', true],
    ['?.test', '.test', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-b-b-', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a', 'ab', false],
    ['**', 'anything', true],
  ] as const) {
    it(`${pattern} ${expected ? 'fits' : 'does not fit'} ${text}`, () => {
      assert.equal(wildcardTest(pattern)(text), expected);
    });
  }
});
