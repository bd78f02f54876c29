import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cidrContains, parseIp } from '@sluice/base/ip';
import fc from 'fast-check';
import { compileRules } from './compile-rules.ts';
import { rangesInclude } from './int-ranges.ts';
import { type ParsedRule, parseRule } from './parse-rule.ts';
import type { RuleMatch, RuleSet, RuleSubject } from './rule-set.ts';

const isTarget = (): boolean => true;
const acceptAll = (): boolean => true;

const flow: RuleSubject = {
  network: 'tcp',
  sourceIp: '192.168.1.2',
  sourcePort: 5000,
  host: '',
  destinationIp: '',
  destinationPort: 443,
};
const toHost = (host: string): RuleSubject => ({ ...flow, host });
const toIp = (destinationIp: string): RuleSubject => ({ ...flow, destinationIp });

function compile(...lines: string[]): RuleSet {
  return compileRules(lines, isTarget);
}

/** The result in one line: rule number and target, `ask at n`, or `none`. */
function outcome(match: RuleMatch): string {
  if (match.kind === 'matched') return `${match.rule.index} ${match.rule.target}`;
  return match.kind === 'needs-ip' ? `ask at ${match.resumeAt}` : 'none';
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
        outcome(rules.match({ ...toHost('late.test'), destinationIp: '10.1.1.1' }, acceptAll, 1)),
        '1 B',
      );
      assert.equal(
        outcome(rules.match({ ...toHost('late.test'), destinationIp: '1.1.1.1' }, acceptAll, 1)),
        '2 C',
      );
    });

    it('that failed lets the IP rules pass', () => {
      const rules = compile('IP-CIDR,0.0.0.0/0,A', 'MATCH,B');
      assert.equal(outcome(rules.match(toHost('a.test'), acceptAll)), 'ask at 0');
      assert.equal(outcome(rules.match(toHost('a.test'), acceptAll, 0)), '1 B');
    });

    it('does not bring back no-resolve rules that were passed before it', () => {
      const rules = compile(
        'IP-CIDR,10.0.0.0/8,A,no-resolve',
        'IP-CIDR,11.0.0.0/8,B',
        'IP-CIDR,10.0.0.0/8,C,no-resolve',
      );
      const host = toHost('a.test');
      assert.equal(outcome(rules.match(host, acceptAll)), 'ask at 1');
      assert.equal(outcome(rules.match({ ...host, destinationIp: '10.1.1.1' }, acceptAll, 1)), '2 C');
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

  it('counts uses', () => {
    const rules = compile('DOMAIN,a.test,A', 'MATCH,DIRECT,inspect');
    rules.recordHit(1, 1000);
    rules.recordHit(1, 2000);
    rules.recordHit(9, 3000);
    assert.deepEqual(rules.views(), [
      {
        index: 0,
        type: 'Domain',
        payload: 'a.test',
        proxy: 'A',
        inspect: false,
        disabled: false,
        hitCount: 0,
        hitAtMs: 0,
      },
      {
        index: 1,
        type: 'Match',
        payload: '',
        proxy: 'DIRECT',
        inspect: true,
        disabled: false,
        hitCount: 2,
        hitAtMs: 2000,
      },
    ]);
  });

  it('decides as a walk of the list does', () => {
    const host = fc.constantFrom('', 'a.test', 'b.a.test', 'c.test', 'test');
    const ip = fc.constantFrom('', '10.0.0.1', '10.1.0.1', '2001:db8::1', '192.168.1.2');
    const lines = fc.array(
      fc.tuple(
        fc.constantFrom(
          ...[
            'DOMAIN,a.test',
            'DOMAIN-SUFFIX,a.test',
            'DOMAIN-SUFFIX,test',
            'DOMAIN-KEYWORD,a.t',
            'NETWORK,udp',
            'NETWORK,tcp',
          ],
          ...[
            'IP-CIDR,10.0.0.0/8',
            'IP-CIDR,10.0.0.0/16',
            'IP-CIDR6,2001:db8::/32',
            'SRC-IP-CIDR,192.168.0.0/16',
            'SRC-PORT,5000',
          ],
          ...['DST-PORT,443', 'DST-PORT,1-500', 'IP-CIDR,0.0.0.0/0'],
        ),
        fc.constantFrom('A', 'B', 'C'),
        fc.constantFrom('', ',no-resolve', ',src'),
      ),
      { maxLength: 10 },
    );
    const subject = fc.record({
      network: fc.constantFrom('tcp' as const, 'udp' as const),
      sourceIp: fc.constantFrom('192.168.1.2', '10.0.0.9'),
      sourcePort: fc.constantFrom(5000, 6000),
      host,
      destinationIp: ip,
      destinationPort: fc.constantFrom(443, 9999),
    });
    const refused = fc.subarray(['A', 'B', 'C']);
    fc.assert(
      fc.property(
        lines,
        subject,
        ip,
        refused,
        fc.array(fc.nat(9), { maxLength: 3 }),
        (list, start, resolved, no, disabled) => {
          const texts = list.map(([condition, target, option]) => `${condition},${target}${option}`);
          const rules = compileRules(texts, isTarget);
          rules.setDisabled(new Map(disabled.map((index) => [index, true])));
          const accepts = (target: string): boolean => !no.includes(target);
          let match = rules.match(start, accepts);
          let asked = -1;
          if (match.kind === 'needs-ip') {
            asked = match.resumeAt;
            match = rules.match({ ...start, destinationIp: resolved }, accepts, asked);
          }
          const parsed = texts.map((text) => parseRule(text, isTarget));
          assert.deepEqual(
            [outcome(match), asked],
            walk(parsed, start, resolved, accepts, new Set(disabled)),
          );
        },
      ),
      { numRuns: 1500 },
    );
  });
});

/** The matching loop as the control API's documentation tells it. */
function walk(
  rules: readonly ParsedRule[],
  start: RuleSubject,
  resolved: string,
  accepts: (target: string) => boolean,
  disabled: ReadonlySet<number>,
): [string, number] {
  let subject = start;
  let asked = -1;
  for (const [index, { condition, target }] of rules.entries()) {
    if (disabled.has(index)) continue;
    const wants = 'wantsIp' in condition && condition.wantsIp;
    if (asked < 0 && wants && subject.host !== '' && subject.destinationIp === '') {
      asked = index;
      subject = { ...subject, destinationIp: resolved };
    }
    if (applies(condition, subject) && accepts(target)) return [`${index} ${target}`, asked];
  }
  return ['none', asked];
}

function applies(condition: ParsedRule['condition'], subject: RuleSubject): boolean {
  const contains = (ip: string): boolean => {
    const address = parseIp(ip);
    return address !== undefined && 'cidr' in condition && cidrContains(condition.cidr, address);
  };
  switch (condition.type) {
    case 'Domain':
      return subject.host === condition.text;
    case 'DomainSuffix':
      return subject.host === condition.text || subject.host.endsWith(`.${condition.text}`);
    case 'DomainKeyword':
      return subject.host !== '' && subject.host.includes(condition.text);
    case 'IPCIDR':
      return contains(subject.destinationIp);
    case 'SrcIPCIDR':
      return contains(subject.sourceIp);
    case 'DstPort':
      return rangesInclude(condition.ranges, subject.destinationPort);
    case 'SrcPort':
      return rangesInclude(condition.ranges, subject.sourcePort);
    case 'Network':
      return condition.network === subject.network;
    case 'Match':
      return true;
  }
}

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
        const [plain, general] = [line, `${line},x`].map((each) => compileRules([each], () => true));
        assert.deepEqual(plain?.views(), general?.views());
        assert.equal(plain?.views()[0]?.proxy, 'DIRECT');
      });
    }
  }

  it('refuses lines without a target in the same words', () => {
    const refused: string[] = [];
    for (const line of ['DOMAIN,a.test', 'DOMAIN-SUFFIX,', 'DOMAIN,', 'DOMAIN'])
      compileRules(
        [line],
        (name) => name === 'DIRECT',
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
