import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LruMap } from './lru-map.ts';

/** The same with the order of a `Map`. */
class Model {
  readonly entries = new Map<number, number>();
  readonly evicted: string[] = [];
  readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get(key: number): number | undefined {
    const value = this.entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: number, value: number): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size <= this.capacity) return;
    const [oldest] = this.entries;
    if (oldest === undefined) return;
    this.entries.delete(oldest[0]);
    this.evicted.push(oldest.join('='));
  }
}

describe('lru map', () => {
  it('does what a map in order of use does', () => {
    const step = fc.tuple(fc.constantFrom('get', 'set', 'delete', 'clear'), fc.nat(6), fc.nat(9));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), (capacity, steps) => {
        const evicted: string[] = [];
        const map = new LruMap<number, number>(capacity, (key, value) => evicted.push(`${key}=${value}`));
        const model = new Model(capacity);
        for (const [index, [action, key, value]] of steps.entries()) {
          if (action === 'get') assert.equal(map.get(key), model.get(key));
          else if (action === 'set') {
            map.set(key, value);
            model.set(key, value);
          } else if (action === 'delete') {
            map.delete(key);
            model.entries.delete(key);
          } else if (index % 10 === 0) {
            map.clear();
            model.entries.clear();
          }
          assert.equal(map.size, model.entries.size);
        }
        assert.deepEqual(evicted, model.evicted);
      }),
    );
  });
});
