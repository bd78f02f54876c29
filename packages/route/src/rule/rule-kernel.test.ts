import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EntrySet } from '../rule-set/entry-set.ts';
import { compileEntries } from './compile-entries.ts';
import { compileRules, type RuleLines } from './compile-rules.ts';
import type { RuleMatch } from './rule-match.ts';
import type { RuleSet } from './rule-set.ts';
import type { RuleSubject } from './rule-subject.ts';
import { TestGeo, testFlow, testResources } from './testing/rule-resources.ts';

const acceptAll = (): boolean => true;

function classical(...lines: string[]): EntrySet {
  return { behavior: 'classical', ...compileEntries(lines, testResources(), assert.fail) };
}

function compile(lines: RuleLines, sets = new Map<string, EntrySet | undefined>()): RuleSet {
  return compileRules(lines, acceptAll, testResources(sets));
}

/** `Type(payload) -> target` after everything asked for was answered. */
function routeOf(
  rules: RuleSet,
  subject: RuleSubject,
  resolved = '',
  accepts: (target: string) => boolean = acceptAll,
) {
  let match: RuleMatch = rules.match(subject, accepts);
  if (match.kind === 'needs-ip') {
    subject.destinationIp = resolved;
    match = rules.match(subject, accepts, 'off', match.resume);
  }
  if (match.kind !== 'matched') return match.kind;
  return `${match.rule.type}(${match.rule.payload}) -> ${match.rule.target}`;
}

describe('a whole configuration', () => {
  const sets = new Map<string, EntrySet | undefined>([
    [
      'direct-domain',
      classical(
        'DOMAIN-SUFFIX,cn.example',
        'DOMAIN-REGEX,^[^.]+\\.one\\.example$',
        'DOMAIN-REGEX,.\\.sub\\.example$',
      ),
    ],
    [
      'mix',
      classical(
        'DOMAIN-SUFFIX,x.example',
        'IP-CIDR,10.9.0.0/16,no-resolve',
        'AND,((NETWORK,UDP),(DST-PORT,443))',
      ),
    ],
    ['nets', undefined],
  ]);
  const rules = compile(
    {
      subRules: { 'udp-only': ['DST-PORT,443,REJECT', 'MATCH,lb'] },
      rules: [
        'SUB-RULE,(AND,((NETWORK,UDP),(NOT,((GEOIP,lan,no-resolve))))),udp-only',
        'RULE-SET,direct-domain,DIRECT',
        'RULE-SET,mix,fb',
        'RULE-SET,nets,DIRECT,no-resolve',
        'DOMAIN-REGEX,^a{1,3}\\.example$,pick',
        'OR,((DOMAIN-KEYWORD,ads),(DOMAIN-SUFFIX,ad.example)),REJECT',
        'IN-TYPE,SOCKS/HTTP,socks',
        'SRC-IP-CIDR,192.168.1.0/24,pick',
        'IP-CIDR,192.168.0.0/16,DIRECT,no-resolve',
        'GEOSITE,cn,DIRECT',
        'GEOIP,CN,DIRECT',
        'MATCH,pick',
      ],
    },
    sets,
  );
  const tunnel = (over: Partial<RuleSubject>) => testFlow({ type: 'Tunnel', sourceIp: '127.0.0.1', ...over });
  const carriesUdp = (target: string): boolean => target !== 'lb';

  for (const [what, subject, resolved, expected] of [
    ['www.cn.example', { host: 'www.cn.example' }, '', 'RuleSet(direct-domain) -> DIRECT'],
    ['one.example', { host: 'one.example' }, '192.0.2.1', 'Match() -> pick'],
    ['y.sub.example', { host: 'y.sub.example' }, '', 'RuleSet(direct-domain) -> DIRECT'],
    ['sub.example', { host: 'sub.example' }, '192.0.2.1', 'Match() -> pick'],
    ['aa.example', { host: 'aa.example' }, '', 'DomainRegex(^a{1,3}\\.example$) -> pick'],
    ['10.9.1.1:80', { destinationIp: '10.9.1.1' }, '', 'RuleSet(mix) -> fb'],
    [
      'UDP to 1.1.1.1:443',
      { destinationIp: '1.1.1.1', network: 'udp' },
      '',
      'SubRules((AND,((NETWORK,UDP),(NOT,((GEOIP,lan,no-resolve)))))) -> REJECT',
    ],
    [
      'UDP to 1.1.1.1:53',
      { destinationIp: '1.1.1.1', network: 'udp', destinationPort: 53 },
      '',
      'Match() -> pick',
    ],
    ['SOCKS', { host: 'z.test', type: 'Socks5' }, '', 'InType(SOCKS/HTTP) -> socks'],
    ['a Chinese address', { host: 'z.test' }, '1.2.3.4', 'GeoIP(cn) -> DIRECT'],
  ] as const) {
    it(`routes ${what}`, () => {
      assert.equal(routeOf(rules, tunnel(subject), resolved, carriesUdp), expected);
    });
  }

  it('follows what a provider holds', () => {
    const flow = () => tunnel({ destinationIp: '203.0.113.9' });
    assert.equal(routeOf(rules, flow()), 'Match() -> pick');
    sets.set('nets', classical('IP-CIDR,203.0.113.0/24'));
    assert.equal(routeOf(rules, flow()), 'RuleSet(nets) -> DIRECT');
    sets.set('nets', undefined);
    assert.equal(routeOf(rules, flow()), 'Match() -> pick');
  });
});

describe('rule sets', () => {
  it('ask for an address as long as their content wants one', () => {
    const sets = new Map<string, EntrySet | undefined>([['set', undefined]]);
    const rules = compile({ rules: ['RULE-SET,set,A', 'MATCH,B'], subRules: {} }, sets);
    const silent = compile(
      { rules: ['RULE-SET,set,A,no-resolve', 'RULE-SET,set,A,src', 'MATCH,B'], subRules: {} },
      sets,
    );
    const kind = (list: RuleSet) => list.match(testFlow({ host: 'a.test' }), acceptAll).kind;
    assert.equal(kind(rules), 'matched');
    sets.set('set', classical('IP-CIDR,10.0.0.0/8'));
    assert.equal(kind(rules), 'needs-ip');
    assert.equal(kind(silent), 'matched');
    assert.equal(routeOf(silent, testFlow({ sourceIp: '10.1.1.1' })), 'RuleSet(set) -> A');
  });
});

describe('sub-rules', () => {
  const list = (subRules: RuleLines['subRules'], ...rules: string[]) => compile({ rules, subRules });

  it('replace the list of a flow that names one', () => {
    const rules = list({ own: ['DOMAIN,a.test,A', 'MATCH,B'] }, 'MATCH,C');
    const flow = (specialRules: string) => testFlow({ host: 'a.test', specialRules });
    assert.equal(routeOf(rules, flow('own')), 'Domain(a.test) -> A');
    assert.equal(routeOf(rules, flow('unknown')), 'Match() -> C');
    rules.recordMatch(rules.match(flow('own'), acceptAll), 5);
    assert.equal(rules.views()[0]?.hitCount, 0);
  });

  it('go on behind a nested list in which nothing matches', () => {
    const rules = list(
      { outer: ['SUB-RULE,(NETWORK,tcp),inner', 'DOMAIN,a.test,A'], inner: ['DOMAIN,b.test,B,inspect'] },
      'SUB-RULE,(NETWORK,tcp),outer',
      'MATCH,C',
    );
    assert.equal(routeOf(rules, testFlow({ host: 'a.test' })), 'SubRules((NETWORK,tcp)) -> A');
    assert.equal(routeOf(rules, testFlow({ host: 'b.test' })), 'SubRules((NETWORK,tcp)) -> B');
    assert.equal(routeOf(rules, testFlow({ host: 'c.test' })), 'Match() -> C');
    const match = rules.match(testFlow({ host: 'b.test' }), acceptAll);
    assert.equal(match.kind === 'matched' && match.rule.inspect, true);
    assert.deepEqual(rules.views()[0]?.proxy, 'outer');
  });

  for (const [what, subRules, message] of [
    ['no name', { '': [] }, 'sub-rule name is empty'],
    [
      'a bad line',
      { s: ['MATCH,A', 'DOMAIN,a.test,Nowhere'] },
      'sub-rules[s][1] [DOMAIN,a.test,Nowhere] error: proxy [Nowhere] not found',
    ],
    [
      'a list that is not there',
      { s: ['SUB-RULE,(NETWORK,tcp),t'] },
      'sub-rules[s][0] [SUB-RULE,(NETWORK,tcp),t] error: sub-rule [t] not found',
    ],
    [
      'an outbound for a list',
      { s: ['MATCH,A', 'SUB-RULE,(NETWORK,tcp),A'] },
      'sub-rule[1:s] error: [A] not found',
    ],
    [
      'a circle',
      { a: ['SUB-RULE,(NETWORK,tcp),b'], b: ['SUB-RULE,(NETWORK,tcp),a'] },
      'sub-rule error: circular references [a->b->a]',
    ],
    ['itself', { a: ['SUB-RULE,(NETWORK,tcp),a'] }, 'sub-rule error: circular references [a->a]'],
  ] as const) {
    it(`are refused with ${what}`, () => {
      assert.throws(() => compileRules({ rules: [], subRules }, (name) => name === 'A', testResources()), {
        code: 'route.rules',
        message,
      });
    });
  }

  it('are refused with too many in a row, in whatever order', () => {
    const chain = Array.from(
      { length: 400 },
      (_, at) => [`l${at}`, [`SUB-RULE,(NETWORK,tcp),l${at + 1}`]] as const,
    );
    const lists = [...chain, ['l400', ['MATCH,A']] as const];
    for (const order of [lists, lists.toReversed()]) {
      assert.throws(() => compile({ rules: [], subRules: Object.fromEntries(order) }), /lists in a row/);
    }
  });

  it('are refused with more ways through them than a match could go', () => {
    const lists = Array.from({ length: 40 }, (_, at) => {
      const line = `SUB-RULE,(NETWORK,tcp),l${at + 1}`;
      return [`l${at}`, at === 39 ? ['DOMAIN,a.test,A'] : [line, line]] as const;
    });
    assert.throws(() => compile({ rules: [], subRules: Object.fromEntries(lists) }), /in all/);
    assert.doesNotThrow(() => compile({ rules: [], subRules: Object.fromEntries(lists.slice(30)) }));
  });

  it('tell a check where each mistake is', () => {
    const paths: string[] = [];
    compileRules({ rules: ['x', 'MATCH,A'], subRules: { s: ['y'] } }, acceptAll, testResources(), (path) =>
      paths.push(path.join('.')),
    );
    assert.deepEqual(paths, ['sub-rules.s.0', 'rules.0']);
  });
});

describe('geo rules', () => {
  const only = (line: string, geo = new TestGeo()) =>
    compileRules({ rules: [line], subRules: {} }, acceptAll, testResources(new Map(), geo));
  const hits = (line: string, over: Partial<RuleSubject>, geo = new TestGeo()): boolean =>
    only(line, geo).match(testFlow(over), acceptAll).kind === 'matched';

  it('remember what they looked up', () => {
    const geo = new TestGeo();
    const rules = compileRules(
      { rules: ['GEOIP,us,A', 'GEOIP,cn,B', 'SRC-GEOIP,cn,C', 'IP-ASN,4134,D'], subRules: {} },
      acceptAll,
      testResources(new Map(), geo),
    );
    const flow = testFlow({ destinationIp: '1.2.3.4' });
    assert.equal(
      routeOf(rules, flow, '', (target) => target === 'D'),
      'IPASN(4134) -> D',
    );
    assert.deepEqual(geo.asked, ['1.2.3.4', '192.168.1.2']);
    assert.deepEqual([flow.destinationGeoIp, flow.sourceGeoIp], [['cn'], []]);
    assert.deepEqual([flow.destinationIpAsn, flow.sourceIpAsn], ['4134 China Telecom', '']);
  });

  it('know private addresses without a file', () => {
    const geo = new TestGeo();
    geo.missing = true;
    for (const ip of [
      '10.1.1.1',
      '172.31.0.1',
      '192.168.0.1',
      '127.0.0.1',
      '0.0.0.0',
      '224.0.0.1',
      '169.254.1.1',
      '::1',
      '::',
      'fd00::1',
      'fe80::1',
      'ff02::1',
      '198.18.255.255',
    ]) {
      assert.equal(hits('GEOIP,LAN,A', { destinationIp: ip }, geo), true, ip);
    }
    for (const ip of ['172.32.0.1', '8.8.8.8', '198.18.0.4', '2001:db8::1', '0.0.0.1']) {
      assert.equal(hits('GEOIP,LAN,A', { destinationIp: ip }, geo), false, ip);
    }
  });

  it('negate lists', () => {
    assert.equal(hits('GEOSITE,!cn,A', { host: 'a.test' }), true);
    assert.equal(hits('GEOSITE,!cn,A', { host: 'a.cn.example' }), false);
    assert.equal(hits('GEOSITE,!cn,A', {}), false);
    assert.equal(hits('GEOSITE,CN@Ads,A', { host: 'cn.example' }), false);
    assert.equal(hits('GEOSITE,CN@Ads,A', { host: 'ads.cn.example' }), true);
    assert.equal(hits('GEOIP,!cn,A', { destinationIp: '8.8.8.8' }, new TestGeo(true)), true);
    assert.equal(hits('GEOIP,!cn,A', { destinationIp: '1.2.3.4' }, new TestGeo(true)), false);
  });

  it('show how many entries they have', () => {
    const sizes = ['GEOSITE,cn,A', 'GEOIP,cn,A', 'GEOIP,lan,A', 'DOMAIN,a.test,A'].map(
      (line) => only(line, new TestGeo(true)).views()[0]?.size,
    );
    assert.deepEqual(sizes, [2, 7, 0, -1]);
  });

  it('match nothing while a database is missing', () => {
    const geo = new TestGeo();
    const rules = only('GEOIP,cn,A', geo);
    geo.missing = true;
    assert.equal(rules.match(testFlow({ destinationIp: '1.2.3.4' }), acceptAll).kind, 'none');
    geo.missing = false;
    assert.equal(rules.match(testFlow({ destinationIp: '1.2.3.4' }), acceptAll).kind, 'matched');
  });
});

describe('counters', () => {
  it('count hits and misses with their times, and nothing of disabled rules', () => {
    const rules = compile({
      rules: ['DOMAIN,a.test,No', 'DOMAIN,b.test,B', 'DOMAIN-SUFFIX,test,C'],
      subRules: {},
    });
    const use = (host: string, nowMs: number): void =>
      rules.recordMatch(
        rules.match(testFlow({ host }), (target) => target !== 'No'),
        nowMs,
      );
    const counts = () =>
      rules.views().map((view) => [view.hitCount, view.hitAtMs, view.missCount, view.missAtMs]);
    use('b.test', 10);
    use('a.test', 20);
    use('else', 30);
    assert.deepEqual(counts(), [
      [1, 20, 2, 30],
      [1, 10, 2, 30],
      [1, 20, 1, 30],
    ]);
    rules.setDisabled(new Map([[1, true]]));
    use('b.test', 40);
    use('b.test', 50);
    assert.deepEqual(counts(), [
      [1, 20, 4, 50],
      [1, 10, 2, 30],
      [3, 50, 1, 30],
    ]);
    rules.setDisabled(new Map([[1, false]]));
    assert.deepEqual(counts()[1], [1, 10, 2, 30]);
    use('c.test', 60);
    assert.deepEqual(counts()[1], [1, 10, 3, 60]);
  });
});
