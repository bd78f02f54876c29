import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRules } from './compile-rules.ts';
import { formatIntRanges, parseIntRanges } from './int-ranges.ts';
import { parseRule } from './parse-rule.ts';

const isTarget = (name: string): boolean => ['DIRECT', 'Proxy'].includes(name);

describe('parseRule', () => {
  for (const [line, type, payload, target, inspect] of [
    ['DOMAIN,Example.COM,Proxy', 'Domain', 'example.com', 'Proxy', false],
    [' domain-suffix , example.com , Proxy ', 'DomainSuffix', 'example.com', 'Proxy', false],
    ['DOMAIN-SUFFIX,.example.com,Proxy', 'DomainSuffix', 'example.com', 'Proxy', false],
    ['DOMAIN-SUFFIX,bücher.de,Proxy', 'DomainSuffix', 'xn--bcher-kva.de', 'Proxy', false],
    ['DOMAIN-KEYWORD,Ads,DIRECT', 'DomainKeyword', 'ads', 'DIRECT', false],
    ['DOMAIN-SUFFIX,example.com,Proxy,inspect', 'DomainSuffix', 'example.com', 'Proxy', true],
    ['IP-CIDR,10.1.2.3/8,DIRECT', 'IPCIDR', '10.1.2.3/8', 'DIRECT', false],
    ['IP-CIDR6,2001:DB8::/32,DIRECT,no-resolve,inspect', 'IPCIDR', '2001:db8::/32', 'DIRECT', true],
    ['IP-CIDR,10.0.0.0/8,DIRECT,src', 'SrcIPCIDR', '10.0.0.0/8', 'DIRECT', false],
    ['SRC-IP-CIDR,10.0.0.0/8,DIRECT', 'SrcIPCIDR', '10.0.0.0/8', 'DIRECT', false],
    ['DST-PORT,443,DIRECT', 'DstPort', '443', 'DIRECT', false],
    ['SRC-PORT,9000-8000/ 80 /[1-2],DIRECT', 'SrcPort', '8000-9000/80/1-2', 'DIRECT', false],
    ['NETWORK,UDP,DIRECT', 'Network', 'udp', 'DIRECT', false],
    ['MATCH,Proxy', 'Match', '', 'Proxy', false],
    ['MATCH,Proxy,inspect', 'Match', '', 'Proxy', true],
    ['MATCH,Proxy,ignored,rest', 'Match', '', 'Proxy', false],
    ['DOMAIN,Proxy', 'Domain', '', 'Proxy', false],
  ] as const) {
    it(line, () => {
      const rule = parseRule(line, isTarget);
      assert.deepEqual(
        [rule.condition.type, rule.payload, rule.target, rule.inspect],
        [type, payload, target, inspect],
      );
    });
  }

  it('wants an IP for a plain destination prefix only', () => {
    const wants = (line: string): unknown => {
      const { condition } = parseRule(line, isTarget);
      return 'wantsIp' in condition && condition.wantsIp;
    };
    assert.equal(wants('IP-CIDR,10.0.0.0/8,DIRECT'), true);
    assert.equal(wants('IP-CIDR,10.0.0.0/8,DIRECT,no-resolve'), false);
    assert.equal(wants('IP-CIDR,10.0.0.0/8,DIRECT,src'), false);
    assert.equal(wants('SRC-IP-CIDR,10.0.0.0/8,DIRECT'), false);
  });
});

describe('compileRules', () => {
  for (const [line, reason] of [
    ['DOMAIN', 'format invalid'],
    ['', 'format invalid'],
    ['DOMAIN,example.com,Nowhere', 'proxy [Nowhere] not found'],
    ['MATCH,Nowhere', 'proxy [Nowhere] not found'],
    ['IP-CIDR,10.0.0.1,DIRECT', 'payloadRule error'],
    ['IP-CIDR,DIRECT', 'payloadRule error'],
    ['DST-PORT,*,DIRECT', 'payloadRule error'],
    ['DST-PORT,http,DIRECT', 'intRanges error'],
    ['DST-PORT,70000,DIRECT', 'intRanges error'],
    ['NETWORK,icmp,DIRECT', 'unsupported network type, only TCP/UDP'],
    ['GEOIP,CN,DIRECT', 'rule type GEOIP is not supported by this version yet'],
    ['AND,((NETWORK,UDP),(DST-PORT,443)),DIRECT', 'rule type AND is not supported by this version yet'],
    ['SUB-RULE,(NETWORK,UDP),list', 'rule type SUB-RULE is not supported by this version yet'],
    ['NONSENSE,a,DIRECT', 'unsupported rule type NONSENSE'],
  ] as const) {
    it(`refuses ${line}`, () => {
      assert.throws(() => compileRules(['MATCH,DIRECT', line], isTarget), {
        code: 'route.rules',
        message: `rules[1] [${line}] error: ${reason}`,
      });
    });
  }
});

describe('parseIntRanges', () => {
  it('stands for everything when empty or a star', () => {
    for (const text of ['', ' ', '*']) assert.deepEqual(parseIntRanges(text, 9), []);
    assert.equal(formatIntRanges([]), '*');
  });

  it('takes commas for slashes and skips empty items', () => {
    assert.equal(formatIntRanges(parseIntRanges('200,204-299//404', 65_535)), '200/204-299/404');
  });

  it('takes at most 28 items', () => {
    const text = (count: number): string => Array.from({ length: count }, (_, index) => index).join('/');
    assert.equal(parseIntRanges(text(28), 99).length, 28);
    assert.throws(() => parseIntRanges(text(29), 99), {
      message: 'intRanges error, too many ranges to use, maximum support 28 ranges',
    });
  });

  for (const text of ['a', '1-2-3', '-', '1-', '-5', '1.5', '0x10']) {
    it(`refuses ${text}`, () =>
      assert.throws(() => parseIntRanges(text, 99), { message: 'intRanges error' }));
  }
});
