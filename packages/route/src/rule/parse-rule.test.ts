import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRules } from './compile-rules.ts';
import { formatIntRanges, parseIntRanges } from './int-ranges.ts';
import { parseRule } from './parse-rule.ts';
import { payloadOf } from './rule-condition.ts';
import { testResources } from './testing/rule-resources.ts';

const isOutbound = (name: string): boolean => ['DIRECT', 'Proxy'].includes(name);
const targets = { isOutbound, isList: (name: string): boolean => name === 'list' };

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
    ['DOMAIN-REGEX,^a{1,3}\\.example$,Proxy', 'DomainRegex', '^a{1,3}\\.example$', 'Proxy', false],
    ['DOMAIN-WILDCARD,*.Example.?om,Proxy', 'DomainWildcard', '*.example.?om', 'Proxy', false],
    ['GEOSITE,CN,Proxy', 'GeoSite', 'CN', 'Proxy', false],
    ['GEOIP,CN,Proxy', 'GeoIP', 'cn', 'Proxy', false],
    ['GEOIP,CN,Proxy,src', 'SrcGeoIP', 'cn', 'Proxy', false],
    ['SRC-GEOIP,CN,Proxy', 'SrcGeoIP', 'cn', 'Proxy', false],
    ['IP-ASN,4134,Proxy,src', 'SrcIPASN', '4134', 'Proxy', false],
    ['IP-SUFFIX,8.8.8.8/24,Proxy', 'IPSuffix', '8.8.8.8/24', 'Proxy', false],
    ['SRC-IP-SUFFIX,192.168.1.201/8,Proxy', 'SrcIPSuffix', '192.168.1.201/8', 'Proxy', false],
    ['IN-PORT,7890/7891,Proxy', 'InPort', '7890/7891', 'Proxy', false],
    ['DSCP,4/8-10,Proxy', 'DSCP', '4/8-10', 'Proxy', false],
    ['UID,1001,Proxy', 'Uid', '1001', 'Proxy', false],
    ['IN-TYPE,Socks/http,Proxy', 'InType', 'SOCKS/HTTP', 'Proxy', false],
    ['IN-USER,a/b,Proxy', 'InUser', 'a/b', 'Proxy', false],
    ['IN-NAME,In/x,Proxy', 'InName', 'In/x', 'Proxy', false],
    ['REMATCH-NAME,x,Proxy', 'RematchName', 'x', 'Proxy', false],
    ['PROCESS-NAME,Curl,Proxy', 'ProcessName', 'Curl', 'Proxy', false],
    ['PROCESS-PATH-REGEX,(?i)^/usr,Proxy', 'ProcessPathRegex', '(?i)^/usr', 'Proxy', false],
    ['RULE-SET,set,Proxy,no-resolve', 'RuleSet', 'set', 'Proxy', false],
    [
      'SUB-RULE, (AND, ((NETWORK,UDP) , (DST-PORT,53))) ,list',
      'SubRules',
      '(AND,((NETWORK,UDP),(DST-PORT,53)))',
      'list',
      false,
    ],
    ['AND,((DOMAIN,A.com),(NETWORK,UDP)),Proxy', 'AND', '((Domain,a.com) && (Network,udp))', 'Proxy', false],
    [
      'OR,((IP-CIDR,10.0.0.0/8,src),(NOT,((GEOIP,lan)))),Proxy',
      'OR',
      '((SrcIPCIDR,10.0.0.0/8) || (NOT,(!(GeoIP,lan))))',
      'Proxy',
      false,
    ],
    [
      'AND,((DOMAIN-REGEX,^(a|b){1,2}\\.test$),(NETWORK,UDP)),Proxy',
      'AND',
      '((DomainRegex,^(a|b){1,2}\\.test$) && (Network,udp))',
      'Proxy',
      false,
    ],
    [
      'OR,((DOMAIN-REGEX,^\\(a),(NETWORK,UDP)),Proxy',
      'OR',
      '((DomainRegex,^\\(a) || (Network,udp))',
      'Proxy',
      false,
    ],
    ['AND,(),Proxy', 'AND', '()', 'Proxy', false],
  ] as const) {
    it(line, () => {
      const rule = parseRule(line, targets);
      assert.deepEqual(
        [rule.condition.type, payloadOf(rule.condition), rule.target, rule.inspect],
        [type, payload, target, inspect],
      );
    });
  }

  it('wants an IP for a plain destination prefix only', () => {
    const wants = (line: string): unknown => {
      const { condition } = parseRule(line, targets);
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
    ['NONSENSE,a,DIRECT', 'unsupported rule type NONSENSE'],
    ['RULE-SET,unknown,DIRECT', 'rule set [unknown] not found'],
    ['GEOSITE,nowhere,DIRECT', 'load GeoSite data error, list nowhere not found'],
    ['DSCP,x,DIRECT', 'parse DSCP rule fail: intRanges error'],
    ['DSCP,64,DIRECT', "DSCP couldn't be negative or exceed 63"],
    ['IN-TYPE,SOCKS/FOO,DIRECT', 'unknown type: FOO'],
    ['IN-PORT,,DIRECT', 'payloadRule error'],
    ['UID,*,DIRECT', 'payloadRule error'],
    ['IP-SUFFIX,8.8.8.8,DIRECT', 'payloadRule error'],
    ['SUB-RULE,(NETWORK,UDP),nowhere', 'sub-rule [nowhere] not found'],
    ['SUB-RULE,(NETWORK,UDP),DIRECT', 'sub-rule [DIRECT] not found'],
    ['SUB-RULE,(NETWORK,UDP),(DST-PORT,1),list', 'Sub-Rule rule must contain one rule'],
    ['SUB-RULE,NETWORK,list', 'Sub-Rule rule must contain one rule'],
    ['AND,NETWORK,DIRECT', 'payload format error'],
    ['AND,((NETWORK,UDP)),(DST-PORT,443)),DIRECT', "missing '('"],
    ['AND,((NETWORK,UDP),((DST-PORT,443)),DIRECT', 'format error is missing )'],
    ['AND,((NETWORK),(DST-PORT,443)),DIRECT', '[NETWORK] format is error'],
    ['OR,((MATCH,x)),DIRECT', 'unsupported rule type [MATCH] on logic rule'],
    ['OR,((SUB-RULE,(NETWORK,udp),list)),DIRECT', 'unsupported rule type [SUB-RULE] on logic rule'],
    ['OR,((domain,a.test)),DIRECT', 'unsupported rule type domain'],
    ['NOT,((NETWORK,UDP),(DST-PORT,443)),DIRECT', 'not rule must contain one rule'],
    ['OR,((RULE-SET,unknown)),DIRECT', 'rule set [unknown] not found'],
  ] as const) {
    it(`refuses ${line}`, () => {
      assert.throws(
        () =>
          compileRules(
            { rules: ['MATCH,DIRECT', line], subRules: { list: [] } },
            isOutbound,
            testResources(),
          ),
        {
          code: 'route.rules',
          message: `rules[1] [${line}] error: ${reason}`,
        },
      );
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
