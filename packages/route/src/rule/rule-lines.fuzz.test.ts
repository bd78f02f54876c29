import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import fc from 'fast-check';
import { compileEntries } from './compile-entries.ts';
import { compileRules } from './compile-rules.ts';
import { findShadowed } from './find-shadowed.ts';
import { testFlow, testResources } from './testing/rule-resources.ts';
import { regexTest, wildcardTest } from './text-pattern.ts';

const KEYWORDS = [
  ...[
    'DOMAIN',
    'DOMAIN-SUFFIX',
    'DOMAIN-KEYWORD',
    'DOMAIN-REGEX',
    'DOMAIN-WILDCARD',
    'GEOSITE',
    'GEOIP',
    'SRC-GEOIP',
  ],
  ...[
    'IP-ASN',
    'SRC-IP-ASN',
    'IP-CIDR',
    'IP-CIDR6',
    'SRC-IP-CIDR',
    'IP-SUFFIX',
    'SRC-IP-SUFFIX',
    'SRC-PORT',
    'DST-PORT',
  ],
  ...[
    'IN-PORT',
    'DSCP',
    'PROCESS-NAME',
    'PROCESS-PATH',
    'PROCESS-NAME-REGEX',
    'PROCESS-PATH-WILDCARD',
    'NETWORK',
    'UID',
  ],
  ...[
    'IN-TYPE',
    'IN-USER',
    'IN-NAME',
    'REMATCH-NAME',
    'RULE-SET',
    'SUB-RULE',
    'AND',
    'OR',
    'NOT',
    'MATCH',
    'nonsense',
  ],
];
const PIECES = [
  ...[
    '(',
    ')',
    '((',
    '))',
    ',',
    '\\',
    '|',
    '*',
    '+',
    '?',
    '[',
    ']',
    '{1,2}',
    '^',
    '$',
    '!',
    '@',
    '/',
    '-',
    ' ',
    '.',
    '::',
  ],
  ...[
    'cn',
    'lan',
    'a.test',
    '10.0.0.0/8',
    '1.2.3.4',
    '2001:db8::/32',
    '443',
    '1-2',
    'tcp',
    'SOCKS',
    'A',
    'list',
    'é',
    '\u0000',
  ],
  ...['no-resolve', 'src', 'inspect', ...KEYWORDS],
];

/** Makes a line of anything that could stand in one, right or wrong. */
const line = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((pieces) => pieces.join('')),
  fc
    .tuple(fc.constantFrom(...KEYWORDS), fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }))
    .map(([keyword, pieces]) => `${keyword},${pieces.join('')},A`),
  fc
    .tuple(fc.constantFrom(...KEYWORDS), fc.string({ maxLength: 30, unit: 'grapheme' }))
    .map((parts) => parts.join(',')),
);
const flow = testFlow({
  host: 'a.test',
  destinationIp: '1.2.3.4',
  process: 'curl',
  processPath: '/bin/curl',
});

function readAll(lines: readonly string[]): void {
  const refuse = (_path: readonly (string | number)[], message: string, error: unknown): void => {
    assert.ok(error instanceof GatewayError, `${message}: ${error instanceof Error ? error.stack : error}`);
  };
  const subRules = { list: ['DOMAIN,a.test,A'] };
  const rules = compileRules({ rules: lines, subRules }, (name) => name === 'A', testResources(), refuse);
  rules.match(flow, () => false, 'strict');
  rules.views();
  compileEntries(lines, testResources(), (message) => assert.match(message, /^parse classical rule/)).matches(
    flow,
    true,
  );
  findShadowed(lines);
}

describe('rule lines', () => {
  it('are read or refused in order, whatever is in them', () => {
    fc.assert(fc.property(fc.array(line, { maxLength: 6 }), readAll), { numRuns: 1000 });
  });

  it('do not blow up the stack by nesting', () => {
    for (const type of ['AND', 'OR', 'NOT']) {
      for (const depth of [31, 32, 33, 5000]) {
        readAll([`${`${type},((`.repeat(depth)}DOMAIN,a.test${'))'.repeat(depth)},A`]);
        readAll([`${`(${type},(`.repeat(depth)}DOMAIN,a.test${'))'.repeat(depth)},A`]);
      }
    }
    for (const text of [
      '('.repeat(200_000),
      ')'.repeat(200_000),
      '()'.repeat(100_000),
      '\\('.repeat(100_000),
    ]) {
      readAll([`AND,${text},A`, `SUB-RULE,${text},list`, `DOMAIN-REGEX,${text},A`]);
    }
    readAll([`OR,(${'(DOMAIN,a.test),'.repeat(20_000)}(DOMAIN,b.test)),A`]);
  });

  it('take little time for patterns that make others backtrack', () => {
    const long = `${'a'.repeat(500)}!`;
    for (const pattern of [
      '(a+)+$',
      '(a|aa)+$',
      '(a*)*b',
      '([a-z]+)*\\d',
      'a*a*a*a*a*a*a*a*b',
      '(?:a|a)*$',
      '(.*)(.*)(.*)x',
    ]) {
      assert.equal(typeof regexTest(pattern)(long), 'boolean');
    }
    assert.equal(wildcardTest(`${'*a'.repeat(50)}*b`)(long), false);
    assert.throws(() => regexTest('a'.repeat(5000)), { code: 'route.rule' });
  });
});
