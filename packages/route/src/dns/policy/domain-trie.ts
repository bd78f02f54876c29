type Node<V> = { readonly children: Map<string, Node<V>>; value: V | undefined };

const ANY_LABEL = '*';
/** Key of the child that stands for any depth of sub-domains; never a label of a real name. */
const ANY_DEPTH = '';

/** Whether `DomainTrie` takes a text: labels without white space, the first may be `*`, `+` or empty (any depth below). */
export function isDomainPattern(pattern: string): boolean {
  return patternLabels(pattern) !== undefined;
}

/**
 * Domain patterns to values: `a.b` exactly, `*` one whole label, `.a.b` any depth below, `+.a.b` both the name and any depth
 * below. Per label, from the right, an exact child wins over `*`, and that over any depth. A later value replaces an earlier one.
 */
export class DomainTrie<V> {
  readonly #root: Node<V> = { children: new Map(), value: undefined };

  /** False when the pattern is not a domain pattern, and then nothing is added. */
  add(pattern: string, value: V): boolean {
    const labels = patternLabels(pattern.toLowerCase());
    if (labels === undefined) return false;
    if (labels[0] === '+') {
      this.#insert(labels.slice(1), value);
      labels[0] = ANY_DEPTH;
    }
    this.#insert(labels, value);
    return true;
  }

  /** The value for a name (lower case, no trailing dot). */
  find(host: string): V | undefined {
    const labels = host.split('.');
    return labels.includes('') ? undefined : search(this.#root, labels, labels.length);
  }

  #insert(labels: readonly string[], value: V): void {
    let node = this.#root;
    for (const label of labels.toReversed()) {
      const child = node.children.get(label) ?? { children: new Map(), value: undefined };
      node.children.set(label, child);
      node = child;
    }
    node.value = value;
  }
}

function search<V>(node: Node<V>, labels: readonly string[], count: number): V | undefined {
  if (count === 0) return node.value;
  const exact = node.children.get(labels[count - 1] ?? '');
  const found = exact === undefined ? undefined : search(exact, labels, count - 1);
  if (found !== undefined) return found;
  const wildcard = node.children.get(ANY_LABEL);
  const foundAny = wildcard === undefined ? undefined : search(wildcard, labels, count - 1);
  return foundAny ?? node.children.get(ANY_DEPTH)?.value;
}

function patternLabels(pattern: string): string[] | undefined {
  const labels = pattern.split('.');
  const rest = labels[0] === '' || labels[0] === '+' ? labels.slice(1) : labels;
  return rest.length > 0 && rest.every((label) => label !== '' && label.trim() === label)
    ? labels
    : undefined;
}
