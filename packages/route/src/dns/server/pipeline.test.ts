import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { type AnswerRecord, encodeQuery } from '@sluice/codec/dns/encode';
import { DNS_FLAG } from '@sluice/codec/dns/header';
import { parseDnsQuery, SECTION, scanMessage } from '@sluice/codec/dns/message';
import { readName } from '@sluice/codec/dns/name';
import { addressOf, answerAddresses, ownerName } from '@sluice/codec/dns/records';
import { DNS_TYPE, parseTypeName, rcodeName, typeName } from '@sluice/codec/dns/types';
import { createLogHub } from '@sluice/core/log/log-hub';
import fc from 'fast-check';
import { HostTable } from '../../config/host-table.ts';
import { FakeIpFilter, type FakeIpFilterMode } from '../fake-ip/fake-ip-filter.ts';
import { FakeIpPool } from '../fake-ip/fake-ip-pool.ts';
import { FakeIpRange } from '../fake-ip/fake-ip-range.ts';
import { MemoryFakeIpTable } from '../fake-ip/fake-ip-table.ts';
import { HostLookup } from '../hosts/host-lookup.ts';
import { MappingTable } from '../mapping-table.ts';
import { address, FakeExchanger } from '../testing/fake-exchanger.ts';
import { NO_SOURCES } from '../testing/name-sources.ts';
import type { FakeAddresses } from './local-answers.ts';
import { DnsPipeline } from './pipeline.ts';
import { QueryLog } from './query-log.ts';

type Options = {
  readonly fake?: boolean;
  readonly range6?: string;
  readonly filter?: readonly string[];
  readonly filterMode?: FakeIpFilterMode;
  readonly hosts?: boolean;
  readonly ipv6?: boolean;
  readonly answers?: Readonly<Record<string, readonly AnswerRecord[]>>;
  readonly cached?: readonly string[];
};

function poolOf(text: string): FakeIpPool {
  return new FakeIpPool(new FakeIpRange(text), new MemoryFakeIpTable());
}

function hostTable(): HostTable {
  const table = new HostTable();
  table.add('v4.test', { kind: 'ips', ips: ['10.0.0.1', '10.0.0.2'] });
  table.add('v6.test', { kind: 'ips', ips: ['2001:db8::1'] });
  table.add('both.test', { kind: 'ips', ips: ['10.0.0.3', '2001:db8::3'] });
  table.add('*.wild.test', { kind: 'ips', ips: ['10.0.0.4'] });
  table.add('alias.test', { kind: 'alias', name: 'real.example' });
  table.add('local-alias.test', { kind: 'alias', name: 'v4.test' });
  return table;
}

function setUp(options: Options = {}) {
  const fake: FakeAddresses = {
    filter: FakeIpFilter.compile(
      options.filterMode ?? 'blacklist',
      options.filter ?? ['+.real.test'],
      [],
      NO_SOURCES,
      (_severity, _index, message) => assert.fail(message),
    ),
    pool: poolOf('198.18.0.1/16'),
    pool6: options.range6 === undefined ? undefined : poolOf(options.range6),
    ttlSeconds: 1,
  };
  const table = hostTable();
  const mapping = new MappingTable();
  const queries = new QueryLog();
  const exchanger = new FakeExchanger(
    {
      'real.example A': [address('real.example', '192.0.2.1', 300)],
      'real.example AAAA': [address('real.example', '2001:db8::99', 60)],
      'a.real.test A': [address('a.real.test', '192.0.2.2')],
      'mail.example MX': [],
      ...options.answers,
    },
    options.cached,
  );
  const pipeline = new DnsPipeline({
    clock: new FakeClock(),
    log: createLogHub('silent', () => undefined).logger,
    queries,
    sources: {
      hosts: options.hosts === false ? undefined : new HostLookup(() => table, undefined),
      fake: options.fake === true ? fake : undefined,
      mapping,
      ipv6: () => options.ipv6 ?? true,
    },
    exchanger,
  });
  const ask = async (name: string, type: string, limit: number | 'client' = 'client') => {
    const query = encodeQuery(name, parseTypeName(type) ?? 0, { id: 77, recursionDesired: true });
    const response = await pipeline.respond(query, '127.0.0.1', 5000, limit);
    assert.ok(response !== undefined);
    return response;
  };
  return { pipeline, mapping, queries, exchanger, ask, fake };
}

/** A response as text: code, flags, and `owner ttl TYPE data` of its answers. */
function shown(bytes: Uint8Array): string {
  const message = scanMessage(bytes);
  assert.equal(message.id, 77);
  const flags = ['AA', 'TC', 'RD', 'RA'].filter(
    (name) => (message.flags & DNS_FLAG[name as keyof typeof DNS_FLAG]) !== 0,
  );
  const answers = message.records
    .filter((record) => record.section === SECTION.ANSWER)
    .map((record) => {
      const isName = record.type === DNS_TYPE.CNAME;
      const data = isName ? readName(bytes, record.dataOffset, true).text : addressOf(bytes, record);
      return `${ownerName(bytes, record)} ${record.ttl} ${typeName(record.type)} ${data}`;
    });
  return [`${rcodeName(message.flags & 15)} ${flags.join(' ')}`, ...answers].join('; ');
}

const OK = 'NOERROR AA RD RA';

describe('dns pipeline, hosts', () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['v4.test', 'A', `${OK}; v4.test 10 A 10.0.0.1; v4.test 10 A 10.0.0.2`],
    ['V4.TeSt', 'A', `${OK}; v4.test 10 A 10.0.0.1; v4.test 10 A 10.0.0.2`],
    ['x.wild.test', 'A', `${OK}; x.wild.test 10 A 10.0.0.4`],
    ['v6.test', 'A', OK],
    ['v6.test', 'AAAA', `${OK}; v6.test 10 AAAA 2001:db8::1`],
    ['both.test', 'AAAA', `${OK}; both.test 10 AAAA 2001:db8::3`],
    ['v4.test', 'AAAA', OK],
    ['alias.test', 'A', `${OK}; alias.test 10 CNAME real.example; real.example 300 A 192.0.2.1`],
    ['alias.test', 'AAAA', `${OK}; alias.test 10 CNAME real.example; real.example 60 AAAA 2001:db8::99`],
    ['alias.test', 'CNAME', `${OK}; alias.test 10 CNAME real.example`],
    [
      'local-alias.test',
      'A',
      `${OK}; local-alias.test 10 CNAME v4.test; v4.test 10 A 10.0.0.1; v4.test 10 A 10.0.0.2`,
    ],
  ];
  for (const [name, type, expected] of table) {
    it(`${name} ${type}`, async () => assert.equal(shown(await setUp().ask(name, type)), expected));
  }

  it('says nothing about types that hosts do not hold', async () => {
    const { ask } = setUp({ answers: { 'v4.test TXT': [], 'alias.test HTTPS': [] } });
    assert.equal(shown(await ask('v4.test', 'TXT')), OK);
    assert.equal(shown(await ask('alias.test', 'HTTPS')), OK);
  });

  it('is not asked without use-hosts', async () => {
    const { ask, exchanger } = setUp({ hosts: false });
    assert.equal(shown(await ask('v4.test', 'A')), 'SERVFAIL RD RA');
    assert.deepEqual(exchanger.asked, ['v4.test A']);
  });

  it('wins over fake addresses, which an alias can lead to', async () => {
    const { ask } = setUp({ fake: true });
    assert.match(shown(await ask('v4.test', 'A')), /10\.0\.0\.1/);
    assert.equal(
      shown(await ask('alias.test', 'A')),
      `${OK}; alias.test 10 CNAME real.example; real.example 1 A 198.18.0.4`,
    );
  });
});

describe('dns pipeline, fake-ip', () => {
  it('hands out addresses in order and keeps them', async () => {
    const { ask, exchanger } = setUp({ fake: true });
    assert.equal(shown(await ask('one.example', 'A')), `${OK}; one.example 1 A 198.18.0.4`);
    assert.equal(shown(await ask('two.example', 'A')), `${OK}; two.example 1 A 198.18.0.5`);
    assert.equal(shown(await ask('ONE.example', 'A')), `${OK}; one.example 1 A 198.18.0.4`);
    assert.deepEqual(exchanger.asked, []);
  });

  it('answers AAAA, HTTPS and SVCB with nothing', async () => {
    const { ask } = setUp({ fake: true });
    for (const type of ['AAAA', 'HTTPS', 'SVCB']) assert.equal(shown(await ask('one.example', type)), OK);
  });

  it('answers AAAA from a second range while IPv6 is on', async () => {
    const on = setUp({ fake: true, range6: 'fd00::/64' });
    assert.equal(shown(await on.ask('one.example', 'AAAA')), `${OK}; one.example 1 AAAA fd00::4`);
    const off = setUp({ fake: true, range6: 'fd00::/64', ipv6: false });
    assert.equal(shown(await off.ask('one.example', 'AAAA')), OK);
  });

  it('asks upstreams for names in the filter and for other types', async () => {
    const { ask, exchanger, mapping } = setUp({
      fake: true,
      answers: {
        'a.real.test HTTPS': [],
        'one.example CNAME': [],
        'one.example TXT': [],
      },
    });
    assert.equal(shown(await ask('a.real.test', 'A')), `${OK}; a.real.test 300 A 192.0.2.2`);
    assert.equal(mapping.nameOf('192.0.2.2'), 'a.real.test');
    await ask('a.real.test', 'HTTPS');
    await ask('one.example', 'CNAME');
    await ask('one.example', 'TXT');
    await ask('mail.example', 'MX');
    assert.deepEqual(exchanger.asked, [
      'a.real.test A',
      'a.real.test HTTPS',
      'one.example CNAME',
      'one.example TXT',
      'mail.example MX',
    ]);
  });

  it('turns the filter round in whitelist mode and follows rules in rule mode', async () => {
    const white = setUp({ fake: true, filterMode: 'whitelist', filter: ['+.fake.test'] });
    assert.match(shown(await white.ask('x.fake.test', 'A')), /198\.18\.0\.4/);
    assert.match(shown(await white.ask('real.example', 'A')), /192\.0\.2\.1/);
    const rules = setUp({
      fake: true,
      filterMode: 'rule',
      filter: ['DOMAIN,a.fake.example,fake-ip', 'DOMAIN-SUFFIX,example,real-ip'],
    });
    assert.match(shown(await rules.ask('a.fake.example', 'A')), /198\.18\.0\.4/);
    assert.match(shown(await rules.ask('real.example', 'A')), /192\.0\.2\.1/);
    assert.match(shown(await rules.ask('other.test', 'A')), /198\.18\.0\.5/);
  });
});

describe('dns pipeline, upstreams', () => {
  it('forwards answers as its own, from the cache without waiting', async () => {
    const { ask, pipeline, mapping } = setUp({ cached: ['real.example A'] });
    const query = encodeQuery('ReAl.example', DNS_TYPE.A, { id: 77, recursionDesired: true });
    const response = pipeline.respond(query, '127.0.0.1', 5000, 'client');
    assert.ok(response instanceof Uint8Array);
    assert.equal(shown(response), `${OK}; real.example 300 A 192.0.2.1`);
    assert.equal(readName(response, 12, false).text, 'ReAl.example');
    assert.equal(mapping.nameOf('192.0.2.1'), 'real.example');
    assert.equal(shown(await ask('real.example', 'AAAA')), `${OK}; real.example 60 AAAA 2001:db8::99`);
  });

  it('answers AAAA with nothing while IPv6 is off', async () => {
    const { ask, exchanger } = setUp({ ipv6: false });
    assert.equal(shown(await ask('real.example', 'AAAA')), OK);
    assert.deepEqual(exchanger.asked, []);
  });

  it('answers SERVFAIL when none answers, also behind an alias', async () => {
    const { ask } = setUp({ answers: {} });
    assert.equal(shown(await ask('nowhere.example', 'A')), 'SERVFAIL RD RA');
    const broken = setUp();
    broken.exchanger.exchange = () => Promise.reject(new Error('a bug'));
    assert.equal(shown(await broken.ask('alias.test', 'A')), 'SERVFAIL RD RA');
  });

  it('cuts what is too long for the client and says so', async () => {
    const many = Array.from({ length: 60 }, (_, index) => address('many.example', `192.0.2.${index}`));
    const { pipeline, ask } = setUp({ answers: { 'many.example A': many } });
    const short = await ask('many.example', 'A');
    assert.ok(short.length <= 512);
    assert.match(shown(short), /^NOERROR AA TC RD RA; /);
    assert.equal(answerAddresses(scanMessage(await ask('many.example', 'A', 65_535))).length, 60);
    const edns = { udpSize: 1_400, dnssecOk: false, clientSubnet: undefined };
    const query = encodeQuery('many.example', DNS_TYPE.A, { id: 77, recursionDesired: true, edns });
    const longer = await pipeline.respond(query, '127.0.0.1', 5000, 'client');
    assert.equal(answerAddresses(scanMessage(longer ?? Buffer.alloc(0))).length, 60);
  });
});

describe('dns pipeline, odd messages', () => {
  const { pipeline } = setUp();
  const respond = (bytes: Uint8Array) => pipeline.respond(bytes, '127.0.0.1', 5000, 'client');

  it('answers messages without a question with SERVFAIL', () => {
    assert.deepEqual(
      respond(Buffer.from('004d01000000000000000000', 'hex')),
      Buffer.from('004d81820000000000000000', 'hex'),
    );
  });

  it('keeps silent to responses and to what has no header', () => {
    assert.equal(respond(Buffer.from('004d81000000000000000000', 'hex')), undefined);
    assert.equal(respond(Buffer.alloc(0)), undefined);
    assert.equal(respond(Buffer.alloc(11)), undefined);
  });

  it('refuses other opcodes and broken questions', () => {
    const status = encodeQuery('x.test', DNS_TYPE.A, { id: 1, recursionDesired: false });
    status[2] = 0x10;
    const reply = respond(status);
    assert.ok(reply instanceof Uint8Array);
    assert.equal((reply[3] ?? 0) & 15, 4);
    const broken = respond(Buffer.from('004d0100000100000000000040', 'hex'));
    assert.deepEqual(broken, Buffer.from('004d81810000000000000000', 'hex'));
  });

  it('passes over a client subnet of no known family', () => {
    const question = '004d0100000100000000000102763404746573740000010001';
    const opt = '0000291000000000000008' + '0008000400030000';
    const reply = respond(Buffer.from(question + opt, 'hex'));
    assert.ok(reply instanceof Uint8Array);
    assert.equal((reply[3] ?? 0) & 15, 0);
  });

  it('survives anything', async () => {
    const query = encodeQuery('v4.test', DNS_TYPE.A, {
      id: 5,
      recursionDesired: true,
      edns: { udpSize: 1232, dnssecOk: true, clientSubnet: { address: '192.0.2.0', prefixLength: 24 } },
    });
    const mutated = fc
      .array(fc.tuple(fc.nat(query.length - 1), fc.nat(255)), { maxLength: 4 })
      .map((changes) => {
        const bytes = Buffer.from(query);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 600 }), mutated), async (bytes) => {
        const response = await respond(bytes);
        if (response === undefined) return;
        assert.ok(response.length <= 65_535);
        assert.equal(parseDnsQuery(response).id, (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0));
      }),
      { numRuns: 500 },
    );
  });
});

describe('dns query log', () => {
  it('tells the path of each answer, newest first', async () => {
    const { ask, queries } = setUp({ fake: true, cached: ['a.real.test A'] });
    await ask('v4.test', 'A');
    await ask('one.example', 'A');
    await ask('one.example', 'HTTPS');
    await ask('a.real.test', 'A');
    await ask('nowhere.real.test', 'A');
    await ask('alias.test', 'A');
    const lines = queries
      .entries(10)
      .map((entry) =>
        [entry.name, entry.type, entry.client, entry.via, entry.status, ...entry.answers].join(' '),
      );
    assert.deepEqual(lines, [
      'alias.test A 127.0.0.1:5000 hosts, fake-ip NOERROR real.example. 198.18.0.5',
      'nowhere.real.test A 127.0.0.1:5000  ERROR',
      'a.real.test A 127.0.0.1:5000 cache NOERROR 192.0.2.2',
      'one.example HTTPS 127.0.0.1:5000 fake-ip NOERROR',
      'one.example A 127.0.0.1:5000 fake-ip NOERROR 198.18.0.4',
      'v4.test A 127.0.0.1:5000 hosts NOERROR 10.0.0.1 10.0.0.2',
    ]);
    assert.equal(queries.entries(1).length, 1);
  });

  it('keeps the latest two thousand, long responses in part', async () => {
    const many = Array.from({ length: 60 }, (_, index) => address('many.example', `192.0.2.${index}`));
    const { ask, queries } = setUp({ answers: { 'many.example A': many }, cached: ['many.example A'] });
    for (let index = 0; index < 2_005; index++) await ask('v4.test', 'A');
    await ask('many.example', 'A');
    const entries = queries.entries(5_000);
    assert.equal(entries.length, 2_000);
    assert.equal(entries[0]?.name, 'many.example');
    assert.equal(entries[0]?.answers.length, 16);
    assert.equal(entries[1]?.name, 'v4.test');
    assert.deepEqual([queries.total, queries.cacheHits], [2_006, 1]);
    assert.deepEqual(queries.entries(-1), []);
  });
});
