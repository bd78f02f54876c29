import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadFfi } from './ffi.ts';

/** What `gc` of the engine takes (V8's GC extension). */
type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Collects garbage and gives free memory back to the system, which stops everything for about a tenth of a second. Starting leaves
 * much of it, and neither the engine nor the C library gives that back while there is little to do.
 */
export function returnMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const availability = loadFfi();
  if (availability.available) availability.ffi.trimMemory();
}
