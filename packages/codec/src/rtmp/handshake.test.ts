import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  digestOffset,
  findDigest,
  HANDSHAKE_BYTES,
  PLAYER_KEY,
  SERVER_FULL_KEY,
  SERVER_KEY,
  signAnswer,
  signBlock,
} from './digest.ts';
import { ClientHandshake, ServerHandshake } from './handshake.ts';

function simpleHello(): Buffer {
  const hello = Buffer.alloc(1 + HANDSHAKE_BYTES, 7);
  hello[0] = 3;
  hello.writeUInt32BE(0x01020304, 1);
  hello.writeUInt32BE(0, 5);
  return hello;
}

function signedHello(scheme: 0 | 1): { hello: Buffer; digest: Buffer } {
  const hello = simpleHello();
  hello.writeUInt32BE(0x09007c02, 5);
  const digest = signBlock(hello.subarray(1), scheme, PLAYER_KEY);
  return { hello, digest };
}

describe('RTMP digest', () => {
  test('offsets of both schemes', () => {
    const block = Buffer.alloc(HANDSHAKE_BYTES);
    block.set([255, 255, 255, 255], 772);
    block.set([1, 2, 3, 4], 8);
    assert.equal(digestOffset(block, 0), 776 + (1020 % 728));
    assert.equal(digestOffset(block, 1), 22);
  });

  test('found with the right key only', () => {
    for (const scheme of [0, 1] as const) {
      const { hello, digest } = signedHello(scheme);
      assert.deepEqual(findDigest(hello.subarray(1), PLAYER_KEY), { scheme, digest });
      assert.equal(findDigest(hello.subarray(1), SERVER_KEY), undefined);
    }
  });
});

describe('RTMP server handshake', () => {
  test('simple: S1 has the time and zeros, S2 is C1', () => {
    const hello = simpleHello();
    const server = new ServerHandshake();
    const reply = server.push(hello)!;
    assert.equal(reply.length, 1 + 2 * HANDSHAKE_BYTES);
    assert.equal(reply[0], 3);
    assert.equal(reply.subarray(1, 9).toString('hex'), '0102030400000000');
    assert.deepEqual(reply.subarray(1 + HANDSHAKE_BYTES), hello.subarray(1));
    assert.equal(server.done, false);
  });

  test('complex: S1 is signed in the scheme of C1, S2 answers its digest', () => {
    for (const scheme of [0, 1] as const) {
      const { hello, digest } = signedHello(scheme);
      const reply = new ServerHandshake().push(hello)!;
      const s1 = reply.subarray(1, 1 + HANDSHAKE_BYTES);
      const s2 = reply.subarray(1 + HANDSHAKE_BYTES);
      assert.equal(s1.subarray(4, 8).toString('hex'), '04050001');
      assert.equal(findDigest(s1, SERVER_KEY)?.scheme, scheme);
      const expected = Buffer.from(s2);
      signAnswer(expected, SERVER_FULL_KEY, digest);
      assert.deepEqual(s2, expected);
    }
  });

  test('a versioned C1 without a digest falls back to simple', () => {
    const hello = simpleHello();
    hello.writeUInt32BE(0x80000702, 5);
    const reply = new ServerHandshake().push(hello)!;
    assert.deepEqual(reply.subarray(1 + HANDSHAKE_BYTES), hello.subarray(1));
  });

  test('refuses any other version at the first byte', () => {
    assert.throws(() => new ServerHandshake().push(Uint8Array.of(6)), { code: 'rtmp-version' });
    assert.throws(() => new ServerHandshake().push(Buffer.from('GET / HTTP/1.1')), { code: 'rtmp-version' });
  });

  test('C2 and first chunk together, split anywhere', () => {
    const rest = Buffer.from('first chunk');
    const bytes = Buffer.concat([simpleHello(), Buffer.alloc(HANDSHAKE_BYTES), rest]);
    for (let at = 1; at < bytes.length; at += at > 1530 && at < 1545 ? 1 : 61) {
      const server = new ServerHandshake();
      const replies = [server.push(bytes.subarray(0, at)), server.push(bytes.subarray(at))];
      assert.equal(replies.filter((reply) => reply !== undefined).length, 1);
      assert.equal(server.done, true);
      assert.deepEqual(Buffer.from(server.takeRest()), rest);
      assert.equal(server.takeRest().byteLength, 0);
    }
  });
});

describe('RTMP client handshake', () => {
  for (const complex of [false, true]) {
    test(`${complex ? 'complex' : 'simple'} against our server`, () => {
      const client = new ClientHandshake({ complex });
      const server = new ServerHandshake();
      const reply = server.push(client.start())!;
      assert.equal(client.push(reply.subarray(0, 2000)), undefined);
      const c2 = client.push(Buffer.concat([reply.subarray(2000), Buffer.from('x')]))!;
      assert.equal(c2.length, HANDSHAKE_BYTES);
      assert.equal(client.done, true);
      assert.equal(Buffer.from(client.takeRest()).toString(), 'x');
      server.push(c2);
      assert.equal(server.done, true);
      if (!complex) assert.deepEqual(c2, reply.subarray(1, 1 + HANDSHAKE_BYTES));
    });
  }
});
