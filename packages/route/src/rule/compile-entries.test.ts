import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CompiledEntries, compileEntries, parseClassicalEntry } from './compile-entries.ts';
import { testFlow as flow, testResources } from './testing/rule-resources.ts';

function compile(...lines: string[]): CompiledEntries {
  return compileEntries(lines, testResources(), (message) => assert.fail(message));
}

describe('compileEntries', () => {
  it('matches when any entry does', () => {
    const set = compile(
      'DOMAIN-SUFFIX,x.example',
      ' IP-CIDR , 10.9.0.0/16 , no-resolve ',
      'AND,((NETWORK,UDP),(DST-PORT,443))',
      'DOMAIN-REGEX,^a{1,3}\\.example$',
    );
    assert.equal(set.count, 4);
    assert.equal(set.matches(flow({ host: 'a.x.example' }), false), true);
    assert.equal(set.matches(flow({ host: 'aaa.example' }), false), true);
    assert.equal(set.matches(flow({ host: 'aaaa.example' }), false), false);
    assert.equal(set.matches(flow({ destinationIp: '10.9.1.1' }), false), true);
    assert.equal(set.matches(flow({ destinationIp: '1.1.1.1', network: 'udp' }), false), true);
    assert.equal(set.matches(flow({ destinationIp: '1.1.1.1' }), false), false);
  });

  it('swaps source and destination', () => {
    const set = compile('IP-CIDR,192.168.0.0/16', 'SRC-PORT,443', 'GEOIP,CN');
    assert.equal(set.matches(flow({ destinationPort: 80 }), false), false);
    assert.equal(set.matches(flow({ destinationPort: 80 }), true), true);
    const fromPort = flow({ sourceIp: '8.8.8.8', destinationIp: '9.9.9.9' });
    assert.equal(set.matches(fromPort, true), true);
    const fromChina = flow({ sourceIp: '1.2.3.4', destinationIp: '9.9.9.9', destinationPort: 80 });
    assert.equal(set.matches(fromChina, true), true);
    assert.deepEqual([fromChina.sourceGeoIp, fromChina.destinationGeoIp], [['cn'], null]);
  });

  it('says what it has to know', () => {
    const wants = (...lines: string[]) => {
      const { wantsIp, wantsProcess } = compile(...lines);
      return [wantsIp, wantsProcess];
    };
    assert.deepEqual(wants('DOMAIN,a.test', 'IP-CIDR,10.0.0.0/8,no-resolve'), [false, false]);
    assert.deepEqual(wants('IP-CIDR,10.0.0.0/8'), [true, false]);
    assert.deepEqual(wants('OR,((GEOIP,cn),(DOMAIN,a.test))'), [true, false]);
    assert.deepEqual(wants('NOT,((UID,1000))'), [false, true]);
    assert.deepEqual(wants('PROCESS-NAME,curl'), [false, true]);
  });

  it('answers for names and addresses alone', () => {
    const set = compile(
      'DOMAIN-KEYWORD,ads',
      'DOMAIN-WILDCARD,?.test',
      'GEOSITE,cn',
      'IP-CIDR,10.0.0.0/8',
      'GEOIP,cn',
    );
    for (const host of ['myads.test', 'a.test', 'www.cn.example'])
      assert.equal(set.hasDomain(host), true, host);
    for (const host of ['', 'aa.test']) assert.equal(set.hasDomain(host), false, host);
    for (const ip of ['10.1.1.1', '1.2.3.4']) assert.equal(set.hasIp(ip), true, ip);
    assert.equal(set.hasIp('11.1.1.1'), false);
  });

  it('leaves out what is no entry and says so', () => {
    const warnings: string[] = [];
    const lines = ['a.test', 'MATCH', 'RULE-SET,other', 'domain,a.test', 'IP-CIDR,1.1.1.1', 'DOMAIN,b.test'];
    const set = compileEntries(lines, testResources(), (message) => warnings.push(message));
    assert.equal(set.count, 1);
    assert.deepEqual(warnings, [
      'parse classical rule [a.test] error: unsupported rule type a.test',
      'parse classical rule [MATCH] error: unsupported rule type on rule-set',
      'parse classical rule [RULE-SET,other] error: unsupported rule type on rule-set',
      'parse classical rule [domain,a.test] error: unsupported rule type domain',
      'parse classical rule [IP-CIDR,1.1.1.1] error: payloadRule error',
    ]);
    assert.equal(set.matches(flow({ host: 'b.test' }), false), true);
  });
});

describe('parseClassicalEntry', () => {
  it('takes everything behind the type of a regular expression', () => {
    const entry = parseClassicalEntry('PROCESS-PATH-REGEX,^/usr/{1,2}bin');
    assert.equal(entry.type === 'ProcessPathRegex' && entry.text, '^/usr/{1,2}bin');
  });
});
