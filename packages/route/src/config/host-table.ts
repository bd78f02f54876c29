/** What `hosts` says about a name: addresses, or another name to use instead. */
export type HostValue =
  | { readonly kind: 'ips'; readonly ips: readonly string[] }
  | { readonly kind: 'alias'; readonly name: string };

type Node = { readonly children: Map<string, Node>; value: HostValue | undefined };

const ANY_LABEL = '*';
/** Key of the child that stands for any depth of sub-domains; never a label of a real name. */
const ANY_DEPTH = '';
const MAX_ALIASES = 32;

/**
 * Domain patterns to values: `a.b` exactly, `*` one whole label, `.a.b` any depth below, `+.a.b` both the name and any
 * depth below. Per label, from the right, an exact child wins over `*`, and that over any depth.
 */
export class HostTable {
  readonly #root: Node = newNode();

  /** False when the pattern is not a domain pattern, and then nothing is added. */
  add(pattern: string, value: HostValue): boolean {
    const labels = patternLabels(pattern.toLowerCase());
    if (labels === undefined) return false;
    if (labels[0] === '+') {
      this.#insert(labels.slice(1), value);
      labels[0] = ANY_DEPTH;
    }
    this.#insert(labels, value);
    return true;
  }

  /** What the best fitting pattern says about `host` (lower case), aliases not followed. */
  find(host: string): HostValue | undefined {
    const labels = host.split('.');
    return labels.includes('') ? undefined : search(this.#root, labels, labels.length);
  }

  /** The addresses for `host` (lower case), aliases followed. */
  lookupIps(host: string): readonly string[] | undefined {
    const value = this.#follow(host);
    return value?.kind === 'ips' ? value.ips : undefined;
  }

  /** The name that `host` (lower case) finally stands for, `undefined` when it is no alias. */
  lookupAlias(host: string): string | undefined {
    let name: string | undefined;
    let value = this.find(host);
    for (let count = 0; value?.kind === 'alias' && count < MAX_ALIASES; count++) {
      name = value.name;
      value = this.find(name);
    }
    return name;
  }

  /** True when following the aliases from `host` never ends. */
  isCyclic(host: string): boolean {
    const seen = new Set<string>([host]);
    for (let value = this.find(host); value?.kind === 'alias'; value = this.find(value.name)) {
      if (seen.has(value.name)) return true;
      seen.add(value.name);
    }
    return false;
  }

  #follow(host: string): HostValue | undefined {
    let value = this.find(host);
    for (let count = 0; value?.kind === 'alias' && count < MAX_ALIASES; count++)
      value = this.find(value.name);
    return value;
  }

  #insert(labels: readonly string[], value: HostValue): void {
    let node = this.#root;
    for (const label of labels.toReversed()) {
      const child = node.children.get(label) ?? newNode();
      node.children.set(label, child);
      node = child;
    }
    node.value = value;
  }
}

function search(node: Node, labels: readonly string[], count: number): HostValue | undefined {
  if (count === 0) return node.value;
  const exact = node.children.get(labels[count - 1] as string);
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

function newNode(): Node {
  return { children: new Map(), value: undefined };
}
