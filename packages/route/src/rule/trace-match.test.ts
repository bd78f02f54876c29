import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compileRules } from './compile-rules.ts';
import { testFlow, testResources } from './testing/rule-resources.ts';
import { traceMatch } from './trace-match.ts';

it('tells every step of a match', () => {
  const lines = [
    ...[
      'DOMAIN,x.test,A',
      'DOMAIN,y.test,A',
      'GEOSITE,cn,A',
      'DOMAIN,a.test,No',
      'GEOIP,cn,A',
      'IP-CIDR,10.0.0.0/8,A',
    ],
    ...['GEOIP,lan,A', 'IN-NAME,other,A', 'DOMAIN-SUFFIX,test,B'],
  ];
  const rules = compileRules({ rules: lines, subRules: {} }, () => true, testResources());
  rules.setDisabled(new Map([[6, true]]));
  const accepts = (target: string): boolean => target !== 'No';
  const flow = testFlow({ host: 'a.test' });
  const isDisabled = (index: number): boolean => rules.isDisabled(index);
  const first = rules.match(flow, accepts);
  assert.ok(first.kind === 'needs-ip');
  assert.deepEqual(
    traceMatch(first, 0, isDisabled).map(({ outcome, text }) => `${outcome}: ${text}`),
    [
      'passed: rules 0 to 1 do not match',
      'passed: rule 2 GeoSite(cn) does not match',
      'refused: rule 3 Domain(a.test) matches, but its target cannot carry the flow',
      "needs-ip: rule 4 GeoIP(cn) has to know the destination's IP",
    ],
  );
  flow.destinationIp = '1.1.1.1';
  const second = rules.match(flow, accepts, 'off', first.resume);
  assert.deepEqual(
    traceMatch(second, first.resume.at, isDisabled).map(({ outcome, text }) => `${outcome}: ${text}`),
    [
      'passed: rule 4 GeoIP(cn) does not match',
      'passed: rule 5 IPCIDR(10.0.0.0/8) does not match',
      'disabled: rule 6 GeoIP(lan) is disabled',
      'passed: rule 7 InName(other) does not match',
      'matched: rule 8 DomainSuffix(test) matches: B',
    ],
  );
});

it('tells when nothing matched', () => {
  const rules = compileRules({ rules: ['DOMAIN,x.test,A'], subRules: {} }, () => true, testResources());
  const match = rules.match(testFlow({ host: 'a.test' }), () => true);
  assert.deepEqual(
    traceMatch(match, 0, () => false),
    [{ first: 0, last: 0, outcome: 'passed', text: 'rule 0 Domain(x.test) does not match' }],
  );
});
