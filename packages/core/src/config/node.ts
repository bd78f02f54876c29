import type { ConfigPath } from './issue.ts';

/** Where a node was written: file (or the name of another source, such as an environment variable), 1-based line and column. */
export type ConfigPlace = { readonly file: string; readonly line: number; readonly column: number };

/** One entry of a mapping, with the place of its key. */
export type ConfigEntry = { readonly key: string; readonly keyPlace: ConfigPlace; readonly node: ConfigNode };

/** A configuration document of any syntax, reduced to what decoding needs. `text` of a scalar is as it was written. */
export type ConfigNode =
  | {
      readonly kind: 'scalar';
      readonly value: string | number | bigint | boolean | null;
      readonly text: string;
      readonly place: ConfigPlace;
    }
  | { readonly kind: 'map'; readonly entries: readonly ConfigEntry[]; readonly place: ConfigPlace }
  | { readonly kind: 'list'; readonly items: readonly ConfigNode[]; readonly place: ConfigPlace };

/** The node of an absent document. */
export function emptyNode(file: string): ConfigNode {
  return { kind: 'map', entries: [], place: { file, line: 1, column: 1 } };
}

/** The child under `key`, if the node is a mapping that has it. */
export function childNode(node: ConfigNode, key: string): ConfigNode | undefined {
  return node.kind === 'map' ? node.entries.find((entry) => entry.key === key)?.node : undefined;
}

/** The place of the value at `path`, or of its nearest ancestor that was written. */
export function locateNode(root: ConfigNode, path: ConfigPath): ConfigPlace {
  let node = root;
  for (const step of path) {
    const child: ConfigNode | undefined =
      node.kind === 'list' && typeof step === 'number' ? node.items[step] : childNode(node, String(step));
    if (child === undefined) break;
    node = child;
  }
  return node.place;
}

/** The node as plain data, for settings that are passed on unread. */
export function nodeToPlain(node: ConfigNode): unknown {
  switch (node.kind) {
    case 'scalar':
      return typeof node.value === 'bigint' ? Number(node.value) : node.value;
    case 'list':
      return node.items.map(nodeToPlain);
    case 'map': {
      const plain: Record<string, unknown> = Object.create(null);
      for (const entry of node.entries) plain[entry.key] = nodeToPlain(entry.node);
      return plain;
    }
  }
}

/** What a node is, in a reader's words: `the text "abc"`, `the number 5`, `a list`. */
export function describeNode(node: ConfigNode): string {
  if (node.kind === 'list') return `a list of ${node.items.length}`;
  if (node.kind === 'map') return 'a mapping';
  if (node.value === null) return 'nothing';
  const shown = node.text.length > 60 ? `${node.text.slice(0, 57)}…` : node.text;
  if (typeof node.value === 'string') return `the text "${shown}"`;
  if (typeof node.value === 'boolean') return shown;
  return `the number ${shown}`;
}

/** `node` with the value at `path` replaced (missing mappings on the way are made). */
export function withNodeAt(node: ConfigNode, path: readonly string[], value: ConfigNode): ConfigNode {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const entries = node.kind === 'map' ? node.entries : [];
  const old = entries.find((entry) => entry.key === key);
  const child = withNodeAt(old?.node ?? emptyNode(value.place.file), rest, value);
  const entry: ConfigEntry = { key, keyPlace: old?.keyPlace ?? value.place, node: child };
  return {
    kind: 'map',
    place: node.place,
    entries: old === undefined ? [...entries, entry] : entries.map((each) => (each === old ? entry : each)),
  };
}
