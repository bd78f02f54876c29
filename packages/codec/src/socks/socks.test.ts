import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { encodeSocksAddress, type Parsed, parseSocksAddress } from './address.ts';
import { encodeIp, parseIp } from './ip-bytes.ts';
import { encodeSocks4Reply, encodeSocks4Request, parseSocks4Reply, parseSocks4Request } from './socks4.ts';
import {
  encodeCredentials,
  encodeCredentialsStatus,
  encodeGreeting,
  encodeMethodChoice,
  encodeReply,
  encodeRequest,
  parseCredentials,
  parseCredentialsStatus,
  parseGreeting,
  parseMethodChoice,
  parseReply,
  parseRequest,
} from './socks5.ts';
import { encodeSocksDatagramHeader, parseSocksDatagram } from './udp-header.ts';

type Golden = {
  readonly name: string;
  readonly hex: string;
  readonly value: unknown;
  readonly parse: (bytes: Uint8Array) => Parsed<unknown> | undefined;
  readonly encode: () => Uint8Array;
};

const example = { host: 'example.com', port: 443 };
const golden: readonly Golden[] = [
  {
    name: 'greeting',
    hex: '05020002',
    value: [0, 2],
    parse: parseGreeting,
    encode: () => encodeGreeting([0, 2]),
  },
  {
    name: 'method choice',
    hex: '0502',
    value: 2,
    parse: parseMethodChoice,
    encode: () => encodeMethodChoice(2),
  },
  {
    name: 'credentials',
    hex: '0103626f6203707764',
    value: { user: 'bob', password: 'pwd' },
    parse: parseCredentials,
    encode: () => encodeCredentials({ user: 'bob', password: 'pwd' }),
  },
  {
    name: 'status',
    hex: '0101',
    value: false,
    parse: parseCredentialsStatus,
    encode: () => encodeCredentialsStatus(false),
  },
  {
    name: 'request, domain',
    hex: '050100030b6578616d706c652e636f6d01bb',
    value: { command: 1, target: example },
    parse: parseRequest,
    encode: () => encodeRequest({ command: 1, target: example }),
  },
  {
    name: 'request, IPv6',
    hex: '0501000420010db80000000000000000000000010050',
    value: { command: 1, target: { host: '2001:db8::1', port: 80 } },
    parse: parseRequest,
    encode: () => encodeRequest({ command: 1, target: { host: '2001:db8::1', port: 80 } }),
  },
  {
    name: 'reply',
    hex: '050000017f0000010438',
    value: { code: 0, bound: { host: '127.0.0.1', port: 1080 } },
    parse: parseReply,
    encode: () => encodeReply({ code: 0, bound: { host: '127.0.0.1', port: 1080 } }),
  },
  {
    name: 'SOCKS4 request',
    hex: '04010050c0000201626f6200',
    value: { command: 1, target: { host: '192.0.2.1', port: 80 }, userId: 'bob' },
    parse: parseSocks4Request,
    encode: () => encodeSocks4Request({ command: 1, target: { host: '192.0.2.1', port: 80 }, userId: 'bob' }),
  },
  {
    name: 'SOCKS4a request',
    hex: '040101bb00000001006578616d706c652e636f6d00',
    value: { command: 1, target: example, userId: '' },
    parse: parseSocks4Request,
    encode: () => encodeSocks4Request({ command: 1, target: example, userId: '' }),
  },
  {
    name: 'SOCKS4 reply',
    hex: '005a0050c0000201',
    value: 90,
    parse: parseSocks4Reply,
    encode: () => encodeSocks4Reply(90, { host: '192.0.2.1', port: 80 }),
  },
];

describe('SOCKS messages', () => {
  for (const { name, hex, value, parse, encode } of golden) {
    it(`${name}: golden bytes both ways`, () => {
      const bytes = Buffer.from(hex, 'hex');
      assert.deepEqual(parse(bytes), { value, sizeBytes: bytes.length });
      assert.equal(Buffer.from(encode()).toString('hex'), hex);
    });

    it(`${name}: waits at every cut and leaves what follows`, () => {
      const bytes = Buffer.from(hex, 'hex');
      for (let cut = 0; cut < bytes.length; cut += 1) assert.equal(parse(bytes.subarray(0, cut)), undefined);
      assert.equal(parse(Buffer.concat([bytes, Buffer.from('more')]))?.sizeBytes, bytes.length);
    });
  }

  it('answers any bytes with a value, a wait or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), fc.nat(golden.length - 1), (bytes, index) => {
        const entry = golden[index];
        assert.ok(entry);
        onlyProtocolErrors(() => entry.parse(bytes));
        onlyProtocolErrors(() =>
          entry.parse(Uint8Array.from([entry.name.startsWith('SOCKS4') ? 4 : 5, ...bytes])),
        );
        onlyProtocolErrors(() => parseSocksDatagram(bytes));
        onlyProtocolErrors(() => parseSocksDatagram(Uint8Array.from([0, 0, 0, ...bytes])));
      }),
    );
  });

  it('lower-cases domains and cuts trailing dots', () => {
    assert.deepEqual(parseSocksAddress(encodeSocksAddress({ host: 'ExAmple.com.', port: 1 }))?.value, {
      host: 'example.com',
      port: 1,
    });
  });

  it('refuses what cannot be an address', () => {
    assert.throws(() => parseSocksAddress(Buffer.from('02', 'hex')), { code: 'socks-address-type' });
    assert.throws(() => parseSocksAddress(Buffer.from('03000050', 'hex')), { code: 'socks-domain' });
    assert.throws(() => parseSocksAddress(Buffer.from('030261000050', 'hex')), { code: 'socks-domain' });
    assert.throws(() => encodeSocksAddress({ host: 'a'.repeat(256), port: 1 }), { code: 'socks-domain' });
    assert.throws(() => parseGreeting(Buffer.of(4)), { code: 'socks-version' });
  });

  it('does not wait for ever for the end of a SOCKS4 user-id', () => {
    assert.throws(
      () =>
        parseSocks4Request(Buffer.concat([Buffer.from('04010050c0000201', 'hex'), Buffer.alloc(256, 97)])),
      {
        code: 'socks-text-too-long',
      },
    );
  });
});

describe('SOCKS5 datagrams', () => {
  it('round-trips', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
        fc.nat(65535),
        fc.uint8Array(),
        (host, port, data) => {
          const datagram = parseSocksDatagram(
            Buffer.concat([encodeSocksDatagramHeader({ host, port }), data]),
          );
          assert.deepEqual([...datagram.data], [...data]);
          assert.equal(datagram.remote.port, port);
          assert.deepEqual(
            encodeSocksAddress(datagram.remote),
            encodeSocksAddress({ host: datagram.remote.host, port }),
          );
        },
      ),
    );
  });

  it('refuses fragments and reserved bits', () => {
    assert.throws(() => parseSocksDatagram(Buffer.from('00000101010101010050', 'hex')), {
      code: 'socks-udp-fragment',
    });
    assert.throws(() => parseSocksDatagram(Buffer.from('00010001010101010050', 'hex')), {
      code: 'socks-udp-reserved',
    });
    assert.throws(() => parseSocksDatagram(Buffer.from('0000000101', 'hex')), { code: 'truncated' });
  });
});

describe('IP bytes', () => {
  for (const [text, canonical] of [
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::1%eth0', 'fe80::1'],
  ] as const) {
    it(`${text} is ${canonical}`, () => {
      const bytes = encodeIp(text);
      assert.ok(bytes);
      assert.equal(parseIp(bytes), canonical);
    });
  }

  it('knows what is not an IP', () => assert.equal(encodeIp('example.com'), undefined));

  it('keeps every IPv6 address', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        assert.deepEqual([...(encodeIp(parseIp(bytes)) ?? [])].slice(-4), [...bytes].slice(-4));
      }),
    );
  });
});

function onlyProtocolErrors(task: () => unknown): void {
  try {
    task();
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
  }
}
