import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { encodeOpt, parseEdns, parseSubnetText } from './edns.ts';
import {
  encodeAliasAnswer,
  encodeAnswer,
  encodeFailure,
  encodeForward,
  encodeQuery,
  withClientSubnet,
} from './encode.ts';
import { DNS_FLAG, isTruncated, messageRcode } from './header.ts';
import { type DnsMessage, parseDnsQuery, scanMessage } from './message.ts';
import { encodeName, readName, readWireName, skipName } from './name.ts';
import { presentRecords } from './presentation.ts';
import { answerAddresses, hasAddress } from './records.ts';
import { truncateTo, withoutOpt } from './rewrite.ts';
import { DNS_RCODE, DNS_TYPE, parseTypeName, rcodeName, typeName } from './types.ts';

const PLAIN = { id: 0x1234, recursionDesired: true };
const EDNS = { udpSize: 4096, dnssecOk: true, clientSubnet: parseSubnetText('10.1.2.3/24') };

/** A response to `www.example.com A` with the given record bytes in hexadecimal. */
function response(counts: readonly [number, number, number], ...records: string[]): Buffer {
  const header = Buffer.from('123481800001000000000000', 'hex');
  for (const [index, count] of counts.entries()) header.writeUInt16BE(count, 6 + index * 2);
  const question = Buffer.from('03777777076578616d706c6503636f6d0000010001', 'hex');
  return Buffer.concat([
    header,
    question,
    ...records.map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex')),
  ]);
}

/** A record owned by the question's name. */
function record(type: number, ttl: number, data: string): string {
  const bytes = Buffer.from(data.replaceAll(' ', ''), 'hex');
  const fields = Buffer.alloc(12);
  fields.writeUInt16BE(0xc00c, 0);
  fields.writeUInt16BE(type, 2);
  fields.writeUInt16BE(1, 4);
  fields.writeUInt32BE(ttl, 6);
  fields.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([fields, bytes]).toString('hex');
}

describe('DNS names', () => {
  it('reads what it writes, escapes included', () => {
    for (const text of ['', 'a', 'www.example.com', 'a\\.b.c', 'a\\\\b', '\\000\\255.x', '*.b']) {
      const wire = encodeName(text);
      assert.deepEqual(readName(wire, 0, false), { text, end: wire.length, compressed: false });
      assert.deepEqual(Buffer.from(readWireName(wire, 0)), Buffer.from(wire));
      assert.equal(skipName(wire, 0), wire.length);
    }
    assert.equal(readName(encodeName('WwW.Example.com.'), 0, true).text, 'www.example.com');
  });

  it('refuses names that cannot be', () => {
    for (const text of ['a..b', '.a', 'x'.repeat(64), `${'a.'.repeat(127)}bc`, 'ä.β', 'a\\'])
      assert.throws(() => encodeName(text), ProtocolError, text);
    assert.equal(encodeName(`${'a.'.repeat(126)}b`).length, 255);
  });

  it('follows pointers backwards only', () => {
    const bytes = Buffer.from('01610001620000c000c005', 'hex');
    assert.deepEqual(readName(bytes, 7, false), { text: 'a', end: 9, compressed: true });
    assert.throws(() => readName(Buffer.from('c000', 'hex'), 0, false), { code: 'bad-pointer' });
    assert.throws(() => readName(Buffer.from('0161c000', 'hex'), 0, false), { code: 'bad-pointer' });
    assert.throws(() => readName(Buffer.from('00c003c001', 'hex'), 1, false), { code: 'bad-pointer' });
    assert.throws(() => readName(Buffer.from('40', 'hex'), 0, false), { code: 'bad-label' });
    assert.throws(() => readName(Buffer.from('0361', 'hex'), 0, false), { code: 'truncated' });
  });

  it('bounds the length of names made of many pointers', () => {
    // Each name is a label in front of the name before: 64 bytes more each time.
    const parts = [Buffer.from('00', 'hex')];
    let before = 0;
    let length = 1;
    for (let count = 0; count < 8; count++) {
      const pointer = Buffer.alloc(2);
      pointer.writeUInt16BE(0xc000 | before);
      before = length;
      const part = Buffer.concat([Buffer.from([63]), Buffer.alloc(63, 97), pointer]);
      length += part.length;
      parts.push(part);
    }
    const bytes = Buffer.concat(parts);
    assert.throws(() => readName(bytes, before, false), { code: 'name-too-long' });
    assert.throws(() => readWireName(bytes, before), { code: 'name-too-long' });
  });
});

describe('DNS queries', () => {
  it('reads the question and EDNS', () => {
    const query = parseDnsQuery(encodeQuery('Www.Example.com', DNS_TYPE.AAAA, { ...PLAIN, edns: EDNS }));
    assert.equal(query.id, 0x1234);
    assert.equal(query.flags, DNS_FLAG.RD);
    assert.equal(query.opcode, 0);
    assert.equal(query.question?.name, 'www.example.com');
    assert.equal(
      Buffer.from(query.question?.wireName ?? []).toString('latin1'),
      '\x03Www\x07Example\x03com\0',
    );
    assert.equal(query.question?.type, DNS_TYPE.AAAA);
    assert.deepEqual(query.edns, {
      udpSize: 4096,
      dnssecOk: true,
      clientSubnet: { address: '10.1.2.0', prefixLength: 24 },
    });
  });

  it('takes messages without a question and refuses pointers in it', () => {
    assert.equal(parseDnsQuery(Buffer.alloc(12)).question, undefined);
    const bytes = Buffer.from('000001000001000000000000c00200010001', 'hex');
    assert.throws(() => parseDnsQuery(bytes), { code: 'bad-pointer' });
  });

  it('makes a forwarded query of its own from a client query', () => {
    const query = parseDnsQuery(encodeQuery('a.b', 1, { ...PLAIN, checkingDisabled: true, edns: EDNS }));
    const forwarded = parseDnsQuery(encodeForward(query, 7) as Buffer);
    assert.equal(forwarded.id, 7);
    assert.equal(forwarded.flags, DNS_FLAG.RD | DNS_FLAG.CD);
    assert.deepEqual(forwarded.edns, { ...EDNS, udpSize: 1232 });
  });

  it('adds and replaces client subnets', () => {
    const subnet = parseSubnetText('2001:db8:1:2::1') as NonNullable<ReturnType<typeof parseSubnetText>>;
    assert.deepEqual(subnet, { address: '2001:db8:1::', prefixLength: 56 });
    const plain = parseDnsQuery(encodeQuery('a.b', 1, PLAIN));
    assert.deepEqual(parseDnsQuery(withClientSubnet(plain, subnet, false)).edns?.clientSubnet, subnet);
    const own = parseDnsQuery(encodeQuery('a.b', 1, { ...PLAIN, edns: EDNS }));
    assert.deepEqual(
      parseDnsQuery(withClientSubnet(own, subnet, false)).edns?.clientSubnet,
      EDNS.clientSubnet,
    );
    assert.deepEqual(parseDnsQuery(withClientSubnet(own, subnet, true)).edns?.clientSubnet, subnet);
    for (const text of ['', '1.2.3', '1.2.3.4/33', '1.2.3.4/8/9', '::1/x'])
      assert.equal(parseSubnetText(text), undefined, text);
  });
});

describe('DNS answers', () => {
  const query = parseDnsQuery(encodeQuery('WWW.example.com', DNS_TYPE.A, { ...PLAIN, edns: EDNS }));

  it('writes records with compressed names', () => {
    const bytes = encodeAnswer(query, {
      rcode: 0,
      authoritative: true,
      recursionAvailable: true,
      answers: [
        { kind: 'name', name: 'www.example.com', ttl: 10, type: DNS_TYPE.CNAME, target: 'a.example.com.' },
        { kind: 'address', name: 'a.example.com', ttl: 20, ip: '1.2.3.4' },
        { kind: 'address', name: 'a.example.com', ttl: 30, ip: '2001:db8::1' },
      ],
    });
    // Header 12, question 21, CNAME 2+10+4, A 2+10+4, AAAA 2+10+16, OPT 11.
    assert.equal(bytes.length, 12 + 21 + 16 + 16 + 28 + 11);
    const message = scanMessage(bytes);
    assert.equal(message.flags, 0x8580);
    assert.deepEqual(answerAddresses(message), [
      { ip: '1.2.3.4', ttl: 20 },
      { ip: '2001:db8::1', ttl: 30 },
    ]);
    assert.deepEqual(
      presentRecords(message).map(({ name }) => name),
      ['WWW.example.com.', 'a.example.com.', 'a.example.com.'],
    );
    assert.deepEqual(message.edns, { udpSize: 1232, dnssecOk: true, clientSubnet: undefined });
  });

  it('puts an alias in front of the records of another answer', () => {
    const other = scanMessage(
      response(
        [1, 1, 0],
        record(DNS_TYPE.A, 60, '7f000001'),
        record(DNS_TYPE.SOA, 9, 'c00c c010 00000001 00000002 00000003 00000004 00000005'),
      ),
    );
    const bytes = encodeAliasAnswer(query, 'alias.test', 10, other);
    assert.deepEqual(
      presentRecords(scanMessage(bytes)).map(({ name, data, ttl }) => `${name} ${ttl} ${data}`),
      [
        'WWW.example.com. 10 alias.test.',
        'WWW.example.com. 60 127.0.0.1',
        'WWW.example.com. 9 WWW.example.com. example.com. 1 2 3 4 5',
      ],
    );
  });

  it('answers failures', () => {
    const bytes = encodeFailure(query);
    assert.equal(messageRcode(bytes), DNS_RCODE.SERVFAIL);
    assert.equal(scanMessage(bytes).question?.name, 'www.example.com');
  });

  it('takes OPT out wherever it is', () => {
    const opt = '00 0029 04d0 00000000 0000';
    const last = withoutOpt(scanMessage(response([1, 0, 1], record(1, 60, '01020304'), opt)));
    assert.equal(last.records.length, 1);
    assert.equal(scanMessage(last.bytes).records.length, 1);
    // The record behind OPT is owned by a name with a pointer to one behind OPT.
    const named = '026e73 c010 0001 0001 00000007 0004 05060708';
    const at = 12 + 21 + 11;
    const pointing = `c0${at.toString(16).padStart(2, '0')} 0001 0001 00000008 0004 05060709`;
    const middle = withoutOpt(scanMessage(response([0, 0, 3], opt, named, pointing)));
    assert.deepEqual(
      presentRecords(middle).map(({ name, data }) => `${name} ${data}`),
      ['ns.example.com. 5.6.7.8', 'ns.example.com. 5.6.7.9'],
    );
  });

  it('cuts whole records off and keeps OPT', () => {
    const records = Array.from({ length: 100 }, (_, index) =>
      record(1, 60, `010203${index.toString(16).padStart(2, '0')}`),
    );
    const opt = encodeOpt({ udpSize: 1232, dnssecOk: false, clientSubnet: undefined }).toString('hex');
    const bytes = response([100, 0, 1], ...records, opt);
    const cut = truncateTo(bytes, 512);
    assert.ok(cut.length <= 512 && cut.length > 512 - 16);
    const message = scanMessage(cut);
    assert.ok(isTruncated(cut) && hasAddress(message));
    assert.equal(message.records.length, Math.floor((512 - 33 - 11) / 16) + 1);
    assert.equal(message.edns?.udpSize, 1232);
    assert.equal(truncateTo(bytes, 4096), bytes);
  });
});

describe('DNS presentation', () => {
  const NAME = 'c00c';
  const cases: readonly (readonly [string, string, string])[] = [
    ['A', '01020304', '1.2.3.4'],
    ['AAAA', '20010db8000000000000000000000001', '2001:db8::1'],
    ['CNAME', NAME, 'www.example.com.'],
    ['NS', '026e73c010', 'ns.example.com.'],
    ['PTR', '00', '.'],
    ['MX', `000a ${NAME}`, '10 www.example.com.'],
    ['TXT', '03 612262 01 5c 02 00ff', '"a\\"b" "\\\\" "\\000\\255"'],
    [
      'SOA',
      `${NAME} c010 00000001 00000002 00000003 00000004 ffffffff`,
      'www.example.com. example.com. 1 2 3 4 4294967295',
    ],
    ['SRV', `0001 0002 01bb ${NAME}`, '1 2 443 www.example.com.'],
    ['CAA', '00 05 6973737565 6c657473656e63727970742e6f7267', '0 issue "letsencrypt.org"'],
    ['HTTPS', '0001 00 0001 0006 02 6832 02 6833', '1 . alpn="h2,h3"'],
    [
      'SVCB',
      `0010 ${NAME} 0000 0002 0001 0001 0003 02 6832 0002 0000 0003 0002 01bb 0004 0004 01020304 0005 0003 010203 0006 0010 20010db8000000000000000000000001 ffdc 0002 6122`,
      '16 www.example.com. mandatory="alpn" alpn="h2" no-default-alpn port="443" ipv4hint="1.2.3.4" ech="AQID" ipv6hint="2001:db8::1" key65500="a\\""',
    ],
    ['NAPTR', `0064 000a 01 53 07 5349502b443255 00 ${NAME}`, '100 10 "S" "SIP+D2U" "" www.example.com.'],
    ['DS', 'ec45 05 01 2bb183af', '60485 5 1 2BB183AF'],
    ['DNSKEY', '0101 03 05 010203', '257 3 5 AQID'],
    [
      'RRSIG',
      `0001 05 03 00015180 3e75f280 3e4d6580 0a52 ${NAME} 010203`,
      'A 5 3 86400 20030317160624 20030214215408 2642 www.example.com. AQID',
    ],
    ['NSEC', `${NAME} 00 06 400100000003`, 'www.example.com. A MX RRSIG NSEC'],
    ['NSEC3PARAM', '01 00 000c 02 aabb', '1 0 12 AABB'],
    ['NSEC3', '01 01 000c 00 05 0102030405 00 01 40', '1 1 12 - 04106105 A'],
    ['TLSA', '03 01 01 abcd', '3 1 1 ABCD'],
    ['SSHFP', '04 02 abcd', '4 2 ABCD'],
    ['URI', '000a 0001 6674703a2f2f', '10 1 "ftp://"'],
    ['EUI48', '00005e0053 2a', '00-00-5e-00-53-2a'],
    ['A', '0102', '\\# 2 0102'],
    ['MX', '00', '\\# 1 00'],
    ['LOC', '', '\\# 0'],
    ['CNAME', 'c100', '\\# 2 c100'],
    ['TYPE65280', 'abcdef', '\\# 3 abcdef'],
  ];
  for (const [type, data, expected] of cases) {
    it(`shows ${type} as ${expected}`, () => {
      const number = parseTypeName(type) ?? Number(type.slice(4));
      const message = scanMessage(response([1, 0, 0], record(number, 5, data)));
      assert.deepEqual(presentRecords(message), [
        { section: 0, name: 'www.example.com.', type: number, ttl: 5, data: expected },
      ]);
    });
  }

  it('knows mnemonics both ways', () => {
    for (const mnemonic of ['A', 'AAAA', 'HTTPS', 'ANY', 'CAA', 'NSAP-PTR', 'DLV'])
      assert.equal(typeName(parseTypeName(mnemonic) ?? -1), mnemonic);
    assert.equal(parseTypeName('a'), undefined);
    assert.equal(typeName(65_280), 'TYPE65280');
    assert.equal(rcodeName(3), 'NXDOMAIN');
    assert.equal(rcodeName(99), 'RCODE99');
  });
});

describe('DNS fuzzing', () => {
  const seeds: readonly Buffer[] = [
    encodeQuery('Www.Example.com', 1, { ...PLAIN, edns: EDNS }),
    response(
      [1, 1, 1],
      record(5, 60, 'c00c'),
      record(6, 60, 'c00cc01000000001000000020000000300000004ffffffff'),
      '0000290000000000000000',
    ),
    response([1, 0, 0], record(65, 60, '000100000100060268320268330004000401020304')),
    response(
      [2, 0, 0],
      record(47, 60, 'c00c0006400100000003'),
      record(35, 60, '0064000a0153075349502b44325500c00c'),
    ),
  ];

  function useEverything(bytes: Uint8Array): void {
    const message: DnsMessage = scanMessage(bytes);
    parseDnsQuery(bytes);
    answerAddresses(message);
    presentRecords(message);
    const stripped = withoutOpt(message);
    assert.ok(
      !scanMessage(stripped.bytes).records.some((each) => each.type === DNS_TYPE.OPT && each.section === 2) ||
        message.records.filter((each) => each.type === DNS_TYPE.OPT).length > 1,
    );
    const cut = truncateTo(bytes, 64);
    scanMessage(cut);
    encodeAliasAnswer(message, 'x.y', 1, message);
    encodeForward(message, 1);
  }

  it('only throws ProtocolError for mutated messages', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }),
        fc.nat(200),
        (seed, changes, cutAt) => {
          const bytes = Buffer.from(seed);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          expectProtocolError(() => useEverything(bytes));
          expectProtocolError(() => useEverything(bytes.subarray(0, cutAt)));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('reads any EDNS options', () => {
    const option = fc
      .tuple(fc.constantFrom(8, 8, 10), fc.uint8Array({ maxLength: 24 }))
      .map(([code, data]) => {
        const head = Buffer.alloc(4);
        head.writeUInt16BE(code, 0);
        head.writeUInt16BE(data.length, 2);
        return Buffer.concat([head, data]);
      });
    const family = fc
      .tuple(fc.nat(3), fc.nat(130), fc.uint8Array({ maxLength: 17 }))
      .map(([number, length, address]) =>
        Buffer.concat([Buffer.from([0, 8, 0, 4 + address.length, 0, number, length, 0]), address]),
      );
    fc.assert(
      fc.property(fc.array(fc.oneof(option, family), { maxLength: 4 }), fc.nat(65_535), (options, flags) => {
        const { clientSubnet } = parseEdns(1232, flags, Buffer.concat(options));
        if (clientSubnet !== undefined)
          assert.deepEqual(
            parseSubnetText(`${clientSubnet.address}/${clientSubnet.prefixLength}`),
            clientSubnet,
          );
      }),
      { numRuns: 1_000 },
    );
  });

  it('only throws ProtocolError for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
        expectProtocolError(() => useEverything(bytes)),
      ),
    );
  });

  it('writes any text name or refuses it', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80, unit: 'binary-ascii' }), (text) =>
        expectProtocolError(() => {
          const wire = encodeName(text);
          assert.ok(wire.length <= 255);
          readName(wire, 0, true);
        }),
      ),
    );
  });

  function expectProtocolError(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
});
