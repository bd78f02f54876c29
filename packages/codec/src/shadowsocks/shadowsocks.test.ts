import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { describe, it } from 'node:test';
import { AEAD_ALGORITHMS, type AeadFactory, incrementNonce } from '@sluice/base/aead';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { deriveMasterKey, deriveSubkey, shadowsocksSaltBytes } from './keys.ts';
import { openShadowsocksPacket, sealShadowsocksPacket } from './packet.ts';
import {
  SHADOWSOCKS_CHUNK_LIMIT_BYTES,
  type ShadowsocksCipher,
  ShadowsocksDecoder,
  ShadowsocksEncoder,
} from './stream.ts';

/** Sessions on node:crypto, counted so that a test can see whether all were closed. */
const open = { count: 0 };
const aead: AeadFactory = {
  engine: 'test',
  sealer(algorithm, key) {
    const nonce = new Uint8Array(12);
    open.count++;
    return {
      seal(source, sourceOffset, length, output, outputOffset) {
        const cipher = createCipheriv(nameOf(algorithm), key, nonce, { authTagLength: 16 });
        output.set(cipher.update(source.subarray(sourceOffset, sourceOffset + length)), outputOffset);
        cipher.final();
        output.set(cipher.getAuthTag(), outputOffset + length);
        incrementNonce(nonce);
      },
      close: () => void open.count--,
    };
  },
  opener(algorithm, key) {
    const nonce = new Uint8Array(12);
    open.count++;
    return {
      open(source, sourceOffset, length, output, outputOffset) {
        const end = sourceOffset + length;
        const decipher = createDecipheriv(nameOf(algorithm), key, nonce, { authTagLength: 16 });
        decipher.setAuthTag(source.subarray(end, end + 16));
        incrementNonce(nonce);
        output.set(decipher.update(source.subarray(sourceOffset, end)), outputOffset);
        try {
          decipher.final();
          return true;
        } catch {
          return false;
        }
      },
      close: () => void open.count--,
    };
  },
};

function nameOf(algorithm: string): 'aes-128-gcm' {
  return (algorithm === 'chacha20-ietf-poly1305' ? 'chacha20-poly1305' : algorithm) as 'aes-128-gcm';
}

function cipherOf(algorithm: (typeof AEAD_ALGORITHMS)[number], password = 'secret'): ShadowsocksCipher {
  return { algorithm, masterKey: deriveMasterKey(algorithm, password), aead };
}

const cipher = cipherOf('aes-128-gcm');
const salt = Buffer.alloc(16, 0x11);

function encodeAll(...parts: readonly Uint8Array[]): Buffer {
  const encoder = new ShadowsocksEncoder(cipher, salt);
  const wire = Buffer.concat(parts.map((part) => encoder.encode(part)));
  encoder.close();
  return wire;
}

describe('Shadowsocks keys', () => {
  it('derives the master key as EVP_BytesToKey does', () => {
    // MD5("foobar") and MD5(MD5("foobar") ‖ "foobar").
    const key = deriveMasterKey('aes-256-gcm', 'foobar').toString('hex');
    assert.equal(key, '3858f62230ac3c915f300c664312c63f568378529614d22ddb49237d2f60bfdf');
    assert.equal(deriveMasterKey('aes-192-gcm', 'foobar').toString('hex'), key.slice(0, 48));
  });

  it('derives the subkey as HKDF-SHA1 with the info ss-subkey', () => {
    const subkey = deriveSubkey(Buffer.alloc(16, 1), Buffer.alloc(16, 2));
    assert.equal(Buffer.from(subkey).toString('hex'), 'aa8324d8822f7e46c4adfe97b973a4af');
  });
});

describe('Shadowsocks stream', () => {
  for (const algorithm of AEAD_ALGORITHMS) {
    it(`${algorithm} carries what was written`, () => {
      const own = cipherOf(algorithm);
      const encoder = new ShadowsocksEncoder(own, Buffer.alloc(shadowsocksSaltBytes(algorithm), 5));
      const decoder = new ShadowsocksDecoder(own);
      for (const text of ['first', 'second', 'third']) {
        assert.equal(decoder.decode(encoder.encode(Buffer.from(text))).toString(), text);
      }
      encoder.close();
      decoder.close();
    });
  }

  it('puts the salt in front once and cuts at 0x3fff bytes', () => {
    const plain = Buffer.alloc(SHADOWSOCKS_CHUNK_LIMIT_BYTES + 1, 3);
    const wire = encodeAll(plain, Buffer.from('x'));
    assert.deepEqual(wire.subarray(0, 16), salt);
    assert.equal(wire.length, 16 + (18 + 0x3fff + 16) + 2 * (18 + 1 + 16));
    assert.equal(new ShadowsocksDecoder(cipher).decode(wire).length, plain.length + 1);
  });

  it('reads a stream cut at every position', () => {
    const wire = encodeAll(Buffer.from('hello'), Buffer.from('world'));
    for (let cut = 0; cut <= wire.length; cut++) {
      const decoder = new ShadowsocksDecoder(cipher);
      const text = `${decoder.decode(wire.subarray(0, cut))}${decoder.decode(wire.subarray(cut))}`;
      decoder.close();
      assert.equal(text, 'helloworld');
    }
  });

  it('reads a stream in random pieces', () => {
    const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40_000, size: 'max' }), { maxLength: 3 });
    const cuts = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(parts, cuts, (list, sizes) => {
        const wire = list.length === 0 ? Buffer.alloc(0) : encodeAll(...list);
        const decoder = new ShadowsocksDecoder(cipher);
        const plain: Buffer[] = [];
        for (let at = 0, step = 0; at < wire.length; step++) {
          const size = sizes[step % sizes.length] ?? 1;
          plain.push(decoder.decode(wire.subarray(at, at + size)));
          at += size;
        }
        decoder.close();
        assert.ok(Buffer.concat(plain).equals(Buffer.concat(list)));
      }),
      { numRuns: 30 },
    );
  });

  it('does not keep or change what it was given', () => {
    const encoder = new ShadowsocksEncoder(cipher, salt);
    const plain = Buffer.from('reused');
    const wire = encoder.encode(plain);
    assert.equal(plain.toString(), 'reused');
    plain.fill(0);
    const copy = Buffer.from(wire);
    assert.equal(new ShadowsocksDecoder(cipher).decode(wire).toString(), 'reused');
    assert.ok(copy.equals(wire));
  });

  it('ends with wrong-tag for another password and stays closed', () => {
    const decoder = new ShadowsocksDecoder(cipherOf('aes-128-gcm', 'other'));
    const before = open.count;
    assert.throws(() => decoder.decode(encodeAll(Buffer.from('x'))), { code: 'wrong-tag' });
    assert.equal(open.count, before);
    assert.throws(() => decoder.decode(Buffer.from('x')), { code: 'closed' });
  });

  it('refuses a length with reserved bits', () => {
    const sealer = aead.sealer('aes-128-gcm', deriveSubkey(cipher.masterKey, salt));
    const wire = Buffer.concat([salt, Buffer.alloc(18)]);
    sealer.seal(Buffer.of(0x40, 0), 0, 2, wire, 16);
    sealer.close();
    assert.throws(() => new ShadowsocksDecoder(cipher).decode(wire), { code: 'payload-too-long' });
  });

  it('closes every session', () => {
    const before = open.count;
    const encoder = new ShadowsocksEncoder(cipher, salt);
    const decoder = new ShadowsocksDecoder(cipher);
    decoder.decode(encoder.encode(Buffer.from('x')));
    encoder.close();
    decoder.close();
    decoder.close();
    assert.equal(open.count, before);
  });

  it('answers damage anywhere with a ProtocolError only', () => {
    const wire = encodeAll(Buffer.from('hello'));
    fc.assert(
      fc.property(fc.nat(wire.length - 1), fc.integer({ min: 1, max: 255 }), (position, change) => {
        const damaged = Buffer.from(wire);
        damaged[position] = (damaged[position] ?? 0) ^ change;
        const decoder = new ShadowsocksDecoder(cipher);
        assert.throws(() => decoder.decode(damaged), ProtocolError);
      }),
    );
  });
});

describe('Shadowsocks packet', () => {
  for (const remote of [
    { host: '192.0.2.1', port: 53 },
    { host: '2001:db8::1', port: 65_535 },
    { host: 'example.com', port: 443 },
  ]) {
    it(`carries a datagram for ${remote.host}`, () => {
      for (const algorithm of AEAD_ALGORITHMS) {
        const own = cipherOf(algorithm);
        const packetSalt = Buffer.alloc(shadowsocksSaltBytes(algorithm), 8);
        const packet = sealShadowsocksPacket(own, packetSalt, { remote, data: Buffer.from('data') });
        assert.deepEqual(packet.subarray(0, packetSalt.length), packetSalt);
        const opened = openShadowsocksPacket(own, packet);
        assert.deepEqual(opened.remote, remote);
        assert.equal(Buffer.from(opened.data).toString(), 'data');
      }
    });
  }

  it('answers any rubbish with a ProtocolError and leaves nothing open', () => {
    const before = open.count;
    const good = sealShadowsocksPacket(cipher, salt, {
      remote: { host: 'a.test', port: 1 },
      data: Buffer.from('x'),
    });
    const damaged = fc.nat(good.length - 1).map((position) => {
      const bytes = Buffer.from(good);
      bytes[position] = (bytes[position] ?? 0) ^ 0xff;
      return bytes;
    });
    const cut = fc.nat(good.length - 1).map((length) => good.subarray(0, length));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), damaged, cut), (packet) => {
        assert.throws(() => openShadowsocksPacket(cipher, packet), ProtocolError);
      }),
    );
    assert.equal(open.count, before);
  });

  it('refuses a packet whose address is cut off', () => {
    const plain = Buffer.of(3, 200, 0x61);
    const packet = Buffer.concat([salt, Buffer.alloc(plain.length + 16)]);
    const sealer = aead.sealer('aes-128-gcm', deriveSubkey(cipher.masterKey, salt));
    sealer.seal(plain, 0, plain.length, packet, salt.length);
    sealer.close();
    assert.throws(() => openShadowsocksPacket(cipher, packet), { code: 'truncated' });
  });
});
