type Node<V> = { readonly children: Map<string, Node<V>>; value: V | undefined };

const ANY_LABEL = '*';
/** Key of the child that stands for any depth of sub-domains; never a label of a real name. */
const ANY_DEPTH = '';

/**
 * Domain patterns with a value each: `a.b` exactly, `*` one whole label at any place, `.a.b` any depth below, `+.a.b` both
 * the name and any depth below. Per label, from the right, an exact child wins over `*`, and that over any depth.
 */
export class DomainPatterns<V> {
  readonly #root: Node<V> = newNode();
  #size = 0;

  /** How many patterns have been added. */
  get size(): number {
    return this.#size;
  }

  /** False when the text is not a domain pattern, and then nothing is added. A pattern that is there already gets the new value. */
  add(pattern: string, value: V): boolean {
    const labels = splitDomainPattern(pattern);
    if (labels === undefined) return false;
    if (labels[0] === '+') {
      this.#insert(labels.slice(1), value);
      labels[0] = ANY_DEPTH;
    }
    this.#insert(labels, value);
    this.#size++;
    return true;
  }

  /** The value of the pattern that covers `host` (lower case) most closely. */
  find(host: string): V | undefined {
    const labels = host.split('.');
    return labels.includes('') ? undefined : search(this.#root, labels, labels.length);
  }

  #insert(labels: readonly string[], value: V): void {
    let node = this.#root;
    for (const label of labels.toReversed()) {
      const child = node.children.get(label) ?? newNode<V>();
      node.children.set(label, child);
      node = child;
    }
    node.value = value;
  }
}

/** Whether a text is a domain pattern. */
export function isDomainPattern(pattern: string): boolean {
  return splitDomainPattern(pattern) !== undefined;
}

/** The labels of a pattern in lower case, `undefined` when it is none; the first is `+` or empty for those with sub-domains. */
function splitDomainPattern(pattern: string): string[] | undefined {
  const labels = pattern.toLowerCase().split('.');
  const rest = labels[0] === '' || labels[0] === '+' ? labels.slice(1) : labels;
  const isPattern = rest.length > 0 && rest.every((label) => label !== '' && label.trim() === label);
  return isPattern ? labels : undefined;
}

/** Asks each node at most once, because its depth says which label it stands for. */
function search<V>(node: Node<V>, labels: readonly string[], count: number): V | undefined {
  if (count === 0) return node.value;
  const exact = node.children.get(labels[count - 1] as string);
  const found = exact === undefined ? undefined : search(exact, labels, count - 1);
  if (found !== undefined) return found;
  const wildcard = node.children.get(ANY_LABEL);
  const foundAny = wildcard === undefined ? undefined : search(wildcard, labels, count - 1);
  return foundAny ?? node.children.get(ANY_DEPTH)?.value;
}

function newNode<V>(): Node<V> {
  return { children: new Map(), value: undefined };
}
