import { pathToFileURL } from 'node:url';
import { AEAD_TAG_BYTES, type AeadAlgorithm, type AeadFactory, aeadKeyBytes } from '@sluice/base/aead';
import { deriveMasterKey, shadowsocksSaltBytes } from '@sluice/codec/shadowsocks/keys';
import { ShadowsocksDecoder, ShadowsocksEncoder } from '@sluice/codec/shadowsocks/stream';
import { aeadFactory } from '@sluice/core/native/aead';
import { nodeAead } from '@sluice/core/native/node-aead';
import { type BenchRow, medianOf } from './bench-row.ts';

const ALGORITHMS: readonly AeadAlgorithm[] = ['aes-256-gcm', 'chacha20-ietf-poly1305'];
const CHUNK_BYTES = 0x3fff;
const READ_BYTES = 256 * 1024;
const REPEATS = 5;
const REPEAT_MS = 100;

/** Compares the AEAD engines: sealing one Shadowsocks chunk, and a 256 KiB read through the stream codec both ways. */
export async function benchAead(): Promise<BenchRow[]> {
  const engines = [...new Set([nodeAead, aeadFactory()])];
  const rows = new Map<string, BenchRow>();
  // Engines take turns inside each repeat, so that other load on the machine meets them alike.
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const algorithm of ALGORITHMS) {
      for (const engine of engines) {
        add(rows, `seal 2 B + 16383 B, ${algorithm}, ${engine.engine}`, sealChunk(engine, algorithm));
        add(rows, `encode 256 KiB, ${algorithm}, ${engine.engine}`, encodeRead(engine, algorithm));
        add(rows, `decode 256 KiB, ${algorithm}, ${engine.engine}`, decodeRead(engine, algorithm));
      }
    }
  }
  return [...rows.values()];
}

function add(rows: Map<string, BenchRow>, name: string, work: { run(): void; close(): void }): void {
  const row = rows.get(name) ?? { name: `aead: ${name}`, unit: 'us', values: [] };
  rows.set(name, row);
  row.values.push(microsecondsPerRun(work.run));
  work.close();
}

function sealChunk(engine: AeadFactory, algorithm: AeadAlgorithm) {
  const sealer = engine.sealer(algorithm, new Uint8Array(aeadKeyBytes(algorithm)));
  const plain = Buffer.alloc(CHUNK_BYTES, 7);
  const output = Buffer.alloc(2 + CHUNK_BYTES + 2 * AEAD_TAG_BYTES);
  return {
    run: () => {
      sealer.seal(plain, 0, 2, output, 0);
      sealer.seal(plain, 0, CHUNK_BYTES, output, 2 + AEAD_TAG_BYTES);
    },
    close: () => sealer.close(),
  };
}

function encodeRead(engine: AeadFactory, algorithm: AeadAlgorithm) {
  const cipher = { algorithm, masterKey: deriveMasterKey(algorithm, 'bench'), aead: engine };
  const encoder = new ShadowsocksEncoder(cipher, new Uint8Array(shadowsocksSaltBytes(algorithm)));
  const plain = Buffer.alloc(READ_BYTES, 7);
  return { run: () => void encoder.encode(plain), close: () => encoder.close() };
}

/** Each run opens a stream, since a sealed chunk can be opened once only. */
function decodeRead(engine: AeadFactory, algorithm: AeadAlgorithm) {
  const cipher = { algorithm, masterKey: deriveMasterKey(algorithm, 'bench'), aead: engine };
  const encoder = new ShadowsocksEncoder(cipher, new Uint8Array(shadowsocksSaltBytes(algorithm)));
  const wire = encoder.encode(Buffer.alloc(READ_BYTES, 7));
  encoder.close();
  return {
    run: () => {
      const decoder = new ShadowsocksDecoder(cipher);
      if (decoder.decode(wire).length !== READ_BYTES) throw new Error('bytes were lost');
      decoder.close();
    },
    close: () => {},
  };
}

function microsecondsPerRun(run: () => void): number {
  for (let count = 0; count < 20; count++) run();
  const start = performance.now();
  let runs = 0;
  let elapsedMs = 0;
  while (elapsedMs < REPEAT_MS) {
    for (let count = 0; count < 10; count++) run();
    runs += 10;
    elapsedMs = performance.now() - start;
  }
  return (elapsedMs * 1000) / runs;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const row of await benchAead())
    console.log(row.name.padEnd(58), medianOf(row).toFixed(1).padStart(8), row.unit);
}
