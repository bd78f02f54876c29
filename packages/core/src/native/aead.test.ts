import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  AEAD_ALGORITHMS,
  AEAD_TAG_BYTES,
  type AeadFactory,
  aeadKeyBytes,
  incrementNonce,
} from '@sluice/base/aead';
import { aeadFactory, agrees } from './aead.ts';
import { loadFfi } from './ffi.ts';
import { createFfiAead } from './ffi-aead.ts';
import { engineStatus } from './native-status.ts';
import { nodeAead } from './node-aead.ts';

const availability = loadFfi();
const engines: AeadFactory[] = [nodeAead];
if (availability.available) engines.push(createFfiAead(availability.ffi));

describe('aeadFactory', () => {
  it('says which engine it chose', () => {
    const { engine } = aeadFactory();
    const status = engineStatus().find(({ work }) => work === 'aead');
    assert.equal(status?.engine, engine);
    assert.equal(engine, availability.available ? 'ffi' : 'node');
    assert.equal(status?.reason === '', availability.available);
  });

  it('does not accept an engine that seals something else', () => {
    const broken: AeadFactory = {
      ...nodeAead,
      sealer: (algorithm, key) => {
        const sealer = nodeAead.sealer(algorithm, key);
        return {
          close: () => sealer.close(),
          seal: (source, at, length, output) => void output.set(source.subarray(at, length)),
        };
      },
    };
    assert.equal(agrees(broken, nodeAead, 'aes-128-gcm'), false);
    assert.equal(agrees(nodeAead, nodeAead, 'aes-128-gcm'), true);
  });
});

describe('incrementNonce', () => {
  it('counts from the first byte up', () => {
    const nonce = new Uint8Array([255, 255, 0]);
    incrementNonce(nonce);
    assert.deepEqual([...nonce], [0, 0, 1]);
  });
});

for (const engine of engines) {
  describe(`AEAD with ${engine.engine}`, () => {
    it('gives the published test vector', () => {
      // RFC 8439 §2.8.2 uses a nonce of its own, so the vector is GCM's test case 2: zero key, zero nonce, 16 zero bytes.
      const sealer = engine.sealer('aes-128-gcm', new Uint8Array(16));
      const output = Buffer.alloc(32);
      sealer.seal(new Uint8Array(16), 0, 16, output, 0);
      sealer.close();
      assert.equal(
        output.toString('hex'),
        '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf',
      );
    });

    for (const algorithm of AEAD_ALGORITHMS) {
      it(`${algorithm} opens what it sealed, message after message`, () => {
        const key = Buffer.alloc(aeadKeyBytes(algorithm), 7);
        const sealer = engine.sealer(algorithm, key);
        const opener = engine.opener(algorithm, key);
        // More than 256 messages, so that the nonce carries into its second byte; both offsets away from zero.
        for (let count = 0; count < 300; count++) {
          const plain = Buffer.alloc(3 + count, count);
          const sealed = Buffer.alloc(plain.length + AEAD_TAG_BYTES + 5);
          sealer.seal(plain, 1, plain.length - 1, sealed, 5);
          const opened = Buffer.alloc(plain.length + 2);
          assert.equal(opener.open(sealed, 5, plain.length - 1, opened, 2), true);
          assert.deepEqual(opened.subarray(2, plain.length + 1), plain.subarray(1));
        }
        sealer.close();
        opener.close();
      });

      it(`${algorithm} seals as every other engine does, also in place`, () => {
        const key = Buffer.alloc(aeadKeyBytes(algorithm), 9);
        const plain = Buffer.from('the same bytes from every engine');
        const [own, reference] = [engine, nodeAead].map((factory) => {
          const sealer = factory.sealer(algorithm, key);
          const bytes = Buffer.alloc(plain.length + AEAD_TAG_BYTES);
          plain.copy(bytes);
          sealer.seal(bytes, 0, plain.length, bytes, 0);
          sealer.close();
          return bytes.toString('hex');
        });
        assert.equal(own, reference);
      });

      it(`${algorithm} refuses a changed byte anywhere`, () => {
        const key = Buffer.alloc(aeadKeyBytes(algorithm), 3);
        const sealer = engine.sealer(algorithm, key);
        const sealed = Buffer.alloc(4 + AEAD_TAG_BYTES);
        sealer.seal(Buffer.from('data'), 0, 4, sealed, 0);
        sealer.close();
        for (let position = 0; position < sealed.length; position++) {
          const damaged = Buffer.from(sealed);
          damaged[position] = (damaged[position] ?? 0) ^ 1;
          const opener = engine.opener(algorithm, key);
          assert.equal(opener.open(damaged, 0, 4, Buffer.alloc(4), 0), false);
          opener.close();
        }
      });
    }

    it('takes empty messages and small arrays that live on the heap', () => {
      const key = new Uint8Array(16);
      const sealer = engine.sealer('aes-128-gcm', key);
      const opener = engine.opener('aes-128-gcm', key);
      for (const length of [0, 1, 5]) {
        const sealed = new Uint8Array(length + AEAD_TAG_BYTES);
        sealer.seal(new Uint8Array(length).fill(1), 0, length, sealed, 0);
        const opened = new Uint8Array(length);
        assert.equal(opener.open(sealed, 0, length, opened, 0), true);
        assert.deepEqual(opened, new Uint8Array(length).fill(1));
      }
      sealer.close();
      opener.close();
    });
  });
}

if (availability.available) {
  const engine = createFfiAead(availability.ffi);
  describe('AEAD with ffi, against misuse', () => {
    it('refuses lengths beyond the buffers', () => {
      const sealer = engine.sealer('aes-128-gcm', new Uint8Array(16));
      for (const [length, outputBytes] of [
        [5, 64],
        [4, 19],
        [-1, 64],
        [Number.NaN, 64],
      ] as const) {
        assert.throws(() => sealer.seal(new Uint8Array(4), 0, length, new Uint8Array(outputBytes), 0), {
          code: 'native.aead-bounds',
        });
      }
      sealer.close();
    });

    it('refuses a key of the wrong length and use after close', () => {
      assert.throws(() => engine.opener('aes-256-gcm', new Uint8Array(16)), { code: 'native.aead-key' });
      const opener = engine.opener('aes-128-gcm', new Uint8Array(16));
      opener.close();
      opener.close();
      assert.throws(() => opener.open(new Uint8Array(20), 0, 4, new Uint8Array(4), 0), {
        code: 'native.aead-bounds',
      });
    });
  });
}
