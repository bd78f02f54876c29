import { NO_RULE } from './domain-table.ts';

/** One text of an index; `rule` is its place in the rule list. */
export type KeywordEntry = { readonly keyword: string; readonly rule: number };

const ROOT = 0;
const NONE = -1;

/**
 * Substrings compiled to an Aho-Corasick automaton with a full transition table, so a lookup reads each character of the
 * host once, however many keywords there are.
 */
export class KeywordIndex {
  /** UTF-16 unit → column of the table; units in no keyword lead back to the root. */
  readonly #columns = new Map<number, number>();
  readonly #asciiColumns = new Int16Array(128).fill(NONE);
  readonly #width: number;
  readonly #transitions: Int32Array;
  /** Node → smallest rule of the keywords that end there, itself or through a shorter tail. */
  readonly #smallest: Int32Array;
  /** Node → the next shorter node at which some keyword ends. */
  readonly #shorter: Int32Array;
  readonly #rules: readonly (readonly number[] | undefined)[];

  /** Entries must come in rising `rule` order; keywords in lower case. An empty keyword matches every host. */
  constructor(entries: readonly KeywordEntry[]) {
    for (const { keyword } of entries) {
      for (let index = 0; index < keyword.length; index++) this.#addColumn(keyword.charCodeAt(index));
    }
    this.#width = this.#columns.size;
    const nodes = 1 + entries.reduce((sum, entry) => sum + entry.keyword.length, 0);
    this.#transitions = new Int32Array(nodes * this.#width).fill(NONE);
    this.#smallest = new Int32Array(nodes).fill(NO_RULE);
    this.#shorter = new Int32Array(nodes).fill(NONE);
    this.#rules = this.#addKeywords(entries);
    this.#link();
  }

  /** The smallest rule number, not below `from`, whose keyword occurs in `host` (lower case), or NO_RULE. */
  lookup(host: string, from = 0): number {
    let node = ROOT;
    let best = this.#ruleAt(ROOT, from);
    for (let index = 0; index < host.length; index++) {
      const unit = host.charCodeAt(index);
      const column = unit < 128 ? (this.#asciiColumns[unit] as number) : (this.#columns.get(unit) ?? NONE);
      node = column === NONE ? ROOT : (this.#transitions[node * this.#width + column] as number);
      const rule = this.#ruleAt(node, from);
      if (rule !== NO_RULE && (best === NO_RULE || rule < best)) best = rule;
    }
    return best;
  }

  #ruleAt(node: number, from: number): number {
    const smallest = this.#smallest[node] as number;
    if (smallest === NO_RULE || smallest >= from) return smallest;
    let best = NO_RULE;
    for (let at = node; at !== NONE; at = this.#shorter[at] as number) {
      const rule = this.#rules[at]?.find((each) => each >= from);
      if (rule !== undefined && (best === NO_RULE || rule < best)) best = rule;
    }
    return best;
  }

  #addColumn(unit: number): void {
    if (this.#columns.has(unit)) return;
    if (unit < 128) this.#asciiColumns[unit] = this.#columns.size;
    this.#columns.set(unit, this.#columns.size);
  }

  #addKeywords(entries: readonly KeywordEntry[]): readonly (readonly number[] | undefined)[] {
    const rules: (number[] | undefined)[] = [];
    let count = 1;
    for (const { keyword, rule } of entries) {
      let node = ROOT;
      for (let index = 0; index < keyword.length; index++) {
        const cell = node * this.#width + (this.#columns.get(keyword.charCodeAt(index)) ?? 0);
        node = this.#transitions[cell] as number;
        if (node === NONE) {
          node = count++;
          this.#transitions[cell] = node;
        }
      }
      const own = rules[node];
      if (own === undefined) rules[node] = [rule];
      else own.push(rule);
    }
    return rules;
  }

  /** Breadth first, so that a node's tail, which is shorter, is complete before the node itself. */
  #link(): void {
    const fallback = new Int32Array(this.#smallest.length);
    this.#smallest[ROOT] = this.#rules[ROOT]?.[0] ?? NO_RULE;
    const queue: number[] = [ROOT];
    for (const node of queue) {
      for (let column = 0; column < this.#width; column++) {
        const cell = node * this.#width + column;
        const child = this.#transitions[cell] as number;
        const tail =
          node === ROOT
            ? ROOT
            : (this.#transitions[(fallback[node] as number) * this.#width + column] as number);
        if (child === NONE) {
          this.#transitions[cell] = tail;
          continue;
        }
        fallback[child] = tail;
        this.#shorter[child] = this.#rules[tail] === undefined ? (this.#shorter[tail] as number) : tail;
        this.#smallest[child] = smallerOf(this.#rules[child]?.[0] ?? NO_RULE, this.#smallest[tail] as number);
        queue.push(child);
      }
    }
  }
}

function smallerOf(first: number, second: number): number {
  if (first === NO_RULE) return second;
  return second === NO_RULE ? first : Math.min(first, second);
}
