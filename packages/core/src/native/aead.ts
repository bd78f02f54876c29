import {
  AEAD_ALGORITHMS,
  AEAD_TAG_BYTES,
  type AeadAlgorithm,
  type AeadFactory,
  aeadKeyBytes,
} from '@sluice/base/aead';
import { errorText } from '@sluice/base/errors';
import { loadFfi } from './ffi.ts';
import { createFfiAead } from './ffi-aead.ts';
import { noteEngine } from './native-status.ts';
import { nodeAead } from './node-aead.ts';

let chosen: AeadFactory | undefined;

/** The fastest AEAD engine that works here; chosen, after a self-test, at the first call. */
export function aeadFactory(): AeadFactory {
  chosen ??= choose();
  return chosen;
}

function choose(): AeadFactory {
  const availability = loadFfi();
  if (!availability.available) {
    noteEngine('aead', nodeAead.engine, availability.reason);
    return nodeAead;
  }
  try {
    const fast = createFfiAead(availability.ffi);
    const failed = AEAD_ALGORITHMS.find((algorithm) => !agrees(fast, nodeAead, algorithm));
    if (failed === undefined) {
      noteEngine('aead', fast.engine, '');
      return fast;
    }
    noteEngine('aead', nodeAead.engine, `self-test of ${failed} failed`);
  } catch (error) {
    noteEngine('aead', nodeAead.engine, `self-test failed: ${errorText(error)}`);
  }
  return nodeAead;
}

/** Two messages sealed by both are the same, the reference's are opened by the candidate, and a wrong tag is refused. */
export function agrees(candidate: AeadFactory, reference: AeadFactory, algorithm: AeadAlgorithm): boolean {
  const key = Uint8Array.from({ length: aeadKeyBytes(algorithm) }, (_, index) => index + 1);
  const sealers = [candidate.sealer(algorithm, key), reference.sealer(algorithm, key)] as const;
  const opener = candidate.opener(algorithm, key);
  try {
    for (const length of [2, 1000]) {
      const plain = Buffer.alloc(length, 0x5a);
      const [own, expected] = sealers.map((sealer) => {
        const sealed = Buffer.alloc(length + AEAD_TAG_BYTES);
        sealer.seal(plain, 0, length, sealed, 0);
        return sealed;
      });
      if (own === undefined || expected === undefined || !own.equals(expected)) return false;
      const opened = Buffer.alloc(length);
      if (!opener.open(expected, 0, length, opened, 0) || !opened.equals(plain)) return false;
    }
    return !opener.open(Buffer.alloc(2 + AEAD_TAG_BYTES), 0, 2, Buffer.alloc(2), 0);
  } finally {
    for (const session of [...sealers, opener]) session.close();
  }
}
