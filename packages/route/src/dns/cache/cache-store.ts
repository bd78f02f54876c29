import { LruMap } from '../lru-map.ts';
import { ArcMap } from './arc-map.ts';

/** A bounded map that decides itself what to forget. */
export interface CacheStore<V> {
  readonly size: number;
  /** Counts as a use. */
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  clear(): void;
}

export type CacheAlgorithm = 'lru' | 'arc';

export function createCacheStore<V>(algorithm: CacheAlgorithm, capacity: number): CacheStore<V> {
  return algorithm === 'lru' ? new LruMap<string, V>(capacity) : new ArcMap<V>(capacity);
}
