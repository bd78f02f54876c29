import type { IntRange } from './int-ranges.ts';

const NONE = -1;
const PORTS = 65_536;

/** Which earlier rules together hold all ports of another. */
export class PortCover {
  /** Port → itself while no rule has it, else a later port on the way to the next one that no rule has; empty at first. */
  #next = new Int32Array(0);
  #owners = new Int32Array(0);

  /** Rules must come in rising order. */
  add(ranges: readonly IntRange[], rule: number): void {
    if (this.#next.length === 0) this.#fill();
    for (const { first, last } of ranges) {
      for (let port = this.#freeFrom(first); port <= last; port = this.#freeFrom(port)) {
        this.#owners[port] = rule;
        this.#next[port] = port + 1;
      }
    }
  }

  /** A rule that has the first of the ports, when earlier rules have them all; -1 otherwise. */
  coverOf(ranges: readonly IntRange[]): number {
    const [start] = ranges;
    if (start === undefined || this.#next.length === 0) return NONE;
    if (ranges.some(({ first, last }) => this.#freeFrom(first) <= last)) return NONE;
    return this.#owners[start.first] ?? NONE;
  }

  #fill(): void {
    this.#next = new Int32Array(PORTS + 1);
    for (let port = 0; port <= PORTS; port++) this.#next[port] = port;
    this.#owners = new Int32Array(PORTS).fill(NONE);
  }

  /** The first port from `port` on that no rule has; the way there gets shorter each time. */
  #freeFrom(port: number): number {
    const next = this.#next;
    let free = port;
    while (next[free] !== free) free = next[free] as number;
    for (let at = port; at !== free; ) {
      const after = next[at] as number;
      next[at] = free;
      at = after;
    }
    return free;
  }
}
