import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRules } from './compile-rules.ts';
import type { RuleMatch } from './rule-match.ts';
import type { RuleSet } from './rule-set.ts';
import type { RuleSubject } from './rule-subject.ts';
import { testFlow as flowWith, testResources } from './testing/rule-resources.ts';

const isTarget = (): boolean => true;
const acceptAll = (): boolean => true;

const flow = flowWith({});
const toHost = (host: string): RuleSubject => ({ ...flow, host });
const toIp = (destinationIp: string): RuleSubject => ({ ...flow, destinationIp });

function compile(...lines: string[]): RuleSet {
  return compileRules({ rules: lines, subRules: {} }, isTarget, testResources());
}

/** What `needs-ip` of the rule at `at` has in it. */
function asked(rules: RuleSet, at: number) {
  return { list: rules.main, at, ipAsked: true, processAsked: false, refused: [] };
}

/** The result in one line: rule number and target, `ask at n`, or `none`. */
function outcome(match: RuleMatch): string {
  if (match.kind === 'matched') return `${match.rule.index} ${match.rule.target}`;
  return match.kind === 'needs-ip' ? `ask at ${match.resume.at}` : 'none';
}

describe('RuleSet', () => {
  it('takes the first match of the list, whatever its type', () => {
    const rules = compile(
      'DOMAIN-KEYWORD,ads,A',
      'DOMAIN-SUFFIX,example.com,B',
      'DOMAIN,ads.example.com,C',
      'MATCH,D',
    );
    assert.equal(outcome(rules.match(toHost('ads.example.com'), acceptAll)), '0 A');
    assert.equal(outcome(rules.match(toHost('www.example.com'), acceptAll)), '1 B');
    assert.equal(outcome(rules.match(toHost('other.test'), acceptAll)), '3 D');
  });

  it('describes the rule that matched', () => {
    const rules = compile('DOMAIN-SUFFIX,Example.com,Proxy,inspect');
    const match = rules.match(toHost('example.com'), acceptAll);
    assert.ok(match.kind === 'matched');
    const { index, type, payload, target, inspect } = match.rule;
    assert.deepEqual(
      [index, type, payload, target, inspect],
      [0, 'DomainSuffix', 'example.com', 'Proxy', true],
    );
  });

  it('gives none when no rule matches', () => {
    assert.equal(outcome(compile().match(toHost('a.test'), acceptAll)), 'none');
    assert.equal(outcome(compile('DOMAIN,b.test,A').match(toHost('a.test'), acceptAll)), 'none');
  });

  it('matches ports, sources and networks', () => {
    const rules = compile(
      'SRC-IP-CIDR,10.0.0.0/8,A',
      'SRC-PORT,6000,B',
      'DST-PORT,80/8000-9000,C',
      'NETWORK,udp,D',
    );
    assert.equal(outcome(rules.match({ ...flow, sourceIp: '10.1.1.1' }, acceptAll)), '0 A');
    assert.equal(outcome(rules.match({ ...flow, sourcePort: 6000 }, acceptAll)), '1 B');
    assert.equal(outcome(rules.match({ ...flow, destinationPort: 8500 }, acceptAll)), '2 C');
    assert.equal(outcome(rules.match({ ...flow, network: 'udp' }, acceptAll)), '3 D');
    assert.equal(outcome(rules.match(flow, acceptAll)), 'none');
  });

  describe('resolving', () => {
    it('is asked for at the first rule that wants an IP, not before', () => {
      const rules = compile('DOMAIN,early.test,A', 'IP-CIDR,10.0.0.0/8,B', 'DOMAIN,late.test,C', 'MATCH,D');
      assert.equal(outcome(rules.match(toHost('early.test'), acceptAll)), '0 A');
      assert.equal(outcome(rules.match(toHost('late.test'), acceptAll)), 'ask at 1');
      assert.equal(
        outcome(
          rules.match(
            { ...toHost('late.test'), destinationIp: '10.1.1.1' },
            acceptAll,
            'off',
            asked(rules, 1),
          ),
        ),
        '1 B',
      );
      assert.equal(
        outcome(
          rules.match(
            { ...toHost('late.test'), destinationIp: '1.1.1.1' },
            acceptAll,
            'off',
            asked(rules, 1),
          ),
        ),
        '2 C',
      );
    });

    it('that failed lets the IP rules pass', () => {
      const rules = compile('IP-CIDR,0.0.0.0/0,A', 'MATCH,B');
      assert.equal(outcome(rules.match(toHost('a.test'), acceptAll)), 'ask at 0');
      assert.equal(outcome(rules.match(toHost('a.test'), acceptAll, 'off', asked(rules, 0))), '1 B');
    });

    it('does not bring back no-resolve rules that were passed before it', () => {
      const rules = compile(
        'IP-CIDR,10.0.0.0/8,A,no-resolve',
        'IP-CIDR,11.0.0.0/8,B',
        'IP-CIDR,10.0.0.0/8,C,no-resolve',
      );
      const host = toHost('a.test');
      assert.equal(outcome(rules.match(host, acceptAll)), 'ask at 1');
      assert.equal(
        outcome(rules.match({ ...host, destinationIp: '10.1.1.1' }, acceptAll, 'off', asked(rules, 1))),
        '2 C',
      );
      assert.equal(outcome(rules.match(toIp('10.1.1.1'), acceptAll)), '0 A');
    });

    it('is never asked for with no-resolve, src, an address, or no host', () => {
      const rules = compile('IP-CIDR,10.0.0.0/8,A,no-resolve', 'IP-CIDR,10.0.0.0/8,B,src');
      assert.equal(outcome(rules.match(toHost('a.test'), acceptAll)), 'none');
      assert.equal(outcome(compile('IP-CIDR,10.0.0.0/8,A').match(toIp('11.0.0.1'), acceptAll)), 'none');
    });

    it('is not asked for by a disabled rule', () => {
      const rules = compile('IP-CIDR,10.0.0.0/8,A', 'MATCH,B');
      rules.setDisabled(new Map([[0, true]]));
      assert.equal(outcome(rules.match(toHost('a.test'), acceptAll)), '1 B');
    });

    it('happens before a rule behind it even when those in front were refused', () => {
      const rules = compile('DOMAIN,a.test,A', 'IP-CIDR,10.0.0.0/8,B', 'MATCH,C');
      assert.equal(outcome(rules.match(toHost('a.test'), (target) => target !== 'A')), 'ask at 1');
    });
  });

  it('goes on behind a target that cannot carry the flow', () => {
    const rules = compile('DOMAIN-SUFFIX,test,A', 'DOMAIN-SUFFIX,test,B', 'IP-CIDR,0.0.0.0/0,A', 'MATCH,C');
    assert.equal(
      outcome(rules.match({ ...toHost('x.test'), destinationIp: '1.1.1.1' }, (target) => target !== 'A')),
      '1 B',
    );
    assert.equal(
      outcome(rules.match({ ...toHost('x.test'), destinationIp: '1.1.1.1' }, (target) => target === 'C')),
      '3 C',
    );
    assert.equal(
      outcome(rules.match({ ...toHost('x.test'), destinationIp: '1.1.1.1' }, () => false)),
      'none',
    );
  });

  it('passes over disabled rules until they are enabled again', () => {
    const rules = compile('DOMAIN,a.test,A', 'DOMAIN,a.test,B');
    rules.setDisabled(
      new Map([
        [0, true],
        [7, true],
        [-1, true],
      ]),
    );
    assert.equal(outcome(rules.match(toHost('a.test'), acceptAll)), '1 B');
    assert.deepEqual(
      rules.views().map((view) => view.disabled),
      [true, false],
    );
    rules.setDisabled(new Map([[0, false]]));
    assert.equal(outcome(rules.match(toHost('a.test'), acceptAll)), '0 A');
  });
});

describe('reading domain lines', () => {
  // A second comma sends the same line through the general parser.
  const cases = [
    'a.test',
    'A.test',
    '.a.test',
    ' a.test ',
    'bücher.test',
    'a b.test',
    'a.test.',
    '*.a.test',
    'a\u007f.test',
  ];
  for (const keyword of ['DOMAIN', 'DOMAIN-SUFFIX', 'domain', ' DOMAIN']) {
    for (const name of cases) {
      it(`reads ${keyword},${JSON.stringify(name)} alike with and without options`, () => {
        const line = `${keyword},${name}, DIRECT `;
        const [plain, general] = [line, `${line},x`].map((each) =>
          compileRules({ rules: [each], subRules: {} }, () => true, testResources()),
        );
        assert.deepEqual(plain?.views(), general?.views());
        assert.equal(plain?.views()[0]?.proxy, 'DIRECT');
      });
    }
  }

  it('refuses lines without a target in the same words', () => {
    const refused: string[] = [];
    for (const line of ['DOMAIN,a.test', 'DOMAIN-SUFFIX,', 'DOMAIN,', 'DOMAIN'])
      compileRules(
        { rules: [line], subRules: {} },
        (name) => name === 'DIRECT',
        testResources(),
        (_, message) => refused.push(message),
      );
    assert.deepEqual(refused, [
      'rules[0] [DOMAIN,a.test] error: proxy [a.test] not found',
      'rules[0] [DOMAIN-SUFFIX,] error: proxy [] not found',
      'rules[0] [DOMAIN,] error: proxy [] not found',
      'rules[0] [DOMAIN] error: format invalid',
    ]);
  });
});
