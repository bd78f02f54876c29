import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compileRules } from './compile-rules.ts';
import { findShadowed } from './find-shadowed.ts';
import { testFlow, testResources } from './testing/rule-resources.ts';

/** `covered by cover` for every finding. */
function found(...lines: string[]): string[] {
  return findShadowed(lines).map(({ index, coveredBy }) => `${index} by ${coveredBy}`);
}

describe('findShadowed', () => {
  for (const [what, lines, expected] of [
    [
      'names under a suffix',
      ['DOMAIN-SUFFIX,b.test,A', 'DOMAIN,a.b.test,B', 'DOMAIN-SUFFIX,c.b.test,B', 'DOMAIN,ab.test,B'],
      ['1 by 0', '2 by 0'],
    ],
    ['names written twice', ['DOMAIN,a.test,A', 'DOMAIN,A.test,B', 'DOMAIN-SUFFIX,a.test,B'], ['1 by 0']],
    [
      'names with a keyword',
      ['DOMAIN-KEYWORD,ads,A', 'DOMAIN,myads.test,B', 'DOMAIN-KEYWORD,adsense,B', 'DOMAIN,ad.test,B'],
      ['1 by 0', '2 by 0'],
    ],
    [
      'prefixes',
      [
        'IP-CIDR,10.0.0.0/8,A',
        'IP-CIDR,10.1.0.0/16,B',
        'IP-CIDR,10.1.0.0/16,B,no-resolve',
        'IP-CIDR,0.0.0.0/0,B',
        'IP-CIDR6,::/0,B',
      ],
      ['1 by 0', '2 by 0'],
    ],
    [
      'prefixes of names that were not resolved',
      ['IP-CIDR,10.0.0.0/8,A,no-resolve', 'IP-CIDR,10.1.0.0/16,B,no-resolve', 'IP-CIDR,10.2.0.0/16,B'],
      ['1 by 0'],
    ],
    [
      'prefixes of names that were resolved meanwhile',
      ['GEOIP,cn,A,no-resolve', 'IP-CIDR,10.2.0.0/16,B', 'GEOIP,cn,B,no-resolve', 'GEOIP,cn,B,no-resolve'],
      ['3 by 2'],
    ],
    [
      'sources',
      ['SRC-IP-CIDR,10.0.0.0/8,A', 'IP-CIDR,10.1.0.0/16,B,src', 'IP-CIDR,10.1.0.0/16,B'],
      ['1 by 0'],
    ],
    [
      'ports',
      ['DST-PORT,1-100,A', 'DST-PORT,101-200,A', 'DST-PORT,50-150,B', 'SRC-PORT,80,B', 'DST-PORT,200-201,B'],
      ['2 by 0'],
    ],
    [
      'the same rule',
      ['GEOSITE,cn,A', 'GEOSITE,cn,B', 'RULE-SET,x,A', 'RULE-SET,x,B,src', 'RULE-SET,x,B'],
      ['1 by 0', '4 by 2'],
    ],
    [
      'the same logic',
      ['AND,((NETWORK,udp),(DST-PORT,443)),A', 'AND, ((NETWORK,udp), (DST-PORT,443)),B'],
      ['1 by 0'],
    ],
    ['what comes behind everything', ['MATCH,A', 'DOMAIN,a.test,B', 'MATCH,B'], ['1 by 0']],
    ['what comes behind both networks', ['NETWORK,udp,A', 'NETWORK,tcp,B', 'DOMAIN,a.test,C'], ['2 by 1']],
    ['nothing behind what refuses', ['MATCH,PASS', 'DOMAIN,a.test,PASS', 'DOMAIN,a.test,A'], []],
    [
      'nothing behind sub-rules',
      ['SUB-RULE,(NETWORK,tcp),x', 'SUB-RULE,(NETWORK,tcp),x', 'NETWORK,tcp,A'],
      [],
    ],
    ['nothing in what is no rule', ['DOMAIN', 'DOMAIN,a.test,A', 'IP-CIDR,10.0.0.0,A'], []],
  ] as const) {
    it(`finds ${what}`, () => assert.deepEqual(found(...lines), expected));
  }

  it('names both rules', () => {
    assert.deepEqual(
      findShadowed(['MATCH,A', 'DOMAIN,a.test,B', 'MATCH,B']).map(({ message }) => message),
      [
        'rules[1] [DOMAIN,a.test,B] and the rule behind it are never reached: rules[0] [MATCH,A] takes everything',
      ],
    );
    assert.deepEqual(
      findShadowed(['DOMAIN-SUFFIX,test,A', 'DOMAIN,a.test,B']).map(({ message }) => message),
      ['rules[1] [DOMAIN,a.test,B] never matches: rules[0] [DOMAIN-SUFFIX,test,A] covers it'],
    );
  });

  it('never names a rule that some flow gets to', () => {
    const line = fc
      .tuple(
        fc.constantFrom(
          ...[
            'DOMAIN,a.test',
            'DOMAIN,b.a.test',
            'DOMAIN-SUFFIX,a.test',
            'DOMAIN-SUFFIX,test',
            'DOMAIN-KEYWORD,a.t',
          ],
          ...['IP-CIDR,10.0.0.0/8', 'IP-CIDR,10.1.0.0/16', 'IP-CIDR,0.0.0.0/0', 'SRC-IP-CIDR,192.168.0.0/16'],
          ...[
            'SRC-IP-CIDR,192.168.1.0/24',
            'DST-PORT,443',
            'DST-PORT,1-500',
            'DST-PORT,400-600',
            'GEOIP,lan',
          ],
          ...['NETWORK,tcp', 'NETWORK,udp'],
        ),
        fc.constantFrom('', ',no-resolve'),
      )
      .map(([condition, option]) => `${condition},A${option}`);
    const flow = fc
      .record({
        network: fc.constantFrom('tcp' as const, 'udp' as const),
        sourceIp: fc.constantFrom('192.168.1.2', '192.168.2.2', '1.1.1.1'),
        host: fc.constantFrom('', 'a.test', 'b.a.test', 'c.test', 'x'),
        destinationIp: fc.constantFrom('', '10.0.0.1', '10.1.0.1', '2001:db8::1'),
        destinationPort: fc.constantFrom(80, 443, 550, 9999),
      })
      .map(testFlow);
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        flow,
        fc.constantFrom('10.0.0.1', '10.1.0.1', ''),
        (lines, subject, ip) => {
          const rules = compileRules({ rules: lines, subRules: {} }, () => true, testResources());
          const accepts = (): boolean => true;
          let match = rules.match(subject, accepts);
          if (match.kind === 'needs-ip') {
            match = rules.match({ ...subject, destinationIp: ip }, accepts, 'off', match.resume);
          }
          const reached = match.kind === 'matched' ? match.rule.index : -1;
          const shadowed = findShadowed(lines);
          assert.ok(shadowed.every(({ index }) => index !== reached));
        },
      ),
      { numRuns: 1500 },
    );
  });
});
