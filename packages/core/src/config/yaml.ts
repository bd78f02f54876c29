import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Pair,
  Parser,
  type YAMLMap,
} from 'yaml';
import type { ConfigIssue } from './issue.ts';
import { type ConfigEntry, type ConfigNode, type ConfigPlace, emptyNode } from './node.ts';
import { parsePlainYaml } from './plain-yaml.ts';

const MAX_TEXT_BYTES = 64 * 1024 * 1024;
const MAX_NODES = 4_000_000;
const MAX_DEPTH = 64;
const TOO_DEEP = `the document nests deeper than ${MAX_DEPTH} levels`;
/** Tokens that are open inside one another; a level of nesting has at most three. */
const MAX_OPEN_TOKENS = 3 * MAX_DEPTH + 8;

/** A parsed document and what was wrong with its syntax; with errors the node holds what could be read. */
export type ParsedConfig = { readonly node: ConfigNode; readonly issues: readonly ConfigIssue[] };

/** Reads a YAML document (anchors, aliases, merge keys; duplicate keys are errors) into nodes with their places. */
export function parseYamlConfig(text: string, file: string): ParsedConfig {
  const plain = text.length > MAX_TEXT_BYTES ? undefined : parsePlainYaml(text, file);
  return plain === undefined ? parseCompleteYaml(text, file) : { node: plain, issues: [] };
}

/** As `parseYamlConfig`, without the fast way for plain documents. */
export function parseCompleteYaml(text: string, file: string): ParsedConfig {
  if (text.length > MAX_TEXT_BYTES)
    return failed(file, 1, 1, `expected at most ${MAX_TEXT_BYTES} bytes, found ${text.length}`);
  const lines = new LineCounter();
  let document: Document;
  try {
    document = composeDocument(text, file, lines);
  } catch (error) {
    if (!(error instanceof RefusedDocument)) throw error;
    return failed(file, error.place.line, error.place.column, error.message);
  }
  const issues: ConfigIssue[] = [
    ...document.errors.map((error) => ({ severity: 'error' as const, error })),
    ...document.warnings.map((error) => ({ severity: 'warning' as const, error })),
  ].map(({ severity, error }) => {
    const at = lines.linePos(error.pos[0]);
    return { severity, file, line: at.line, column: at.col, path: [], message: `yaml: ${error.message}` };
  });
  if (document.contents === null) return { node: emptyNode(file), issues };
  const reader = new NodeReader(file, lines);
  try {
    const node = reader.read(document.contents, 0);
    return { node, issues: [...issues, ...reader.issues] };
  } catch (error) {
    if (!(error instanceof RefusedDocument)) throw error;
    return failed(file, error.place.line, error.place.column, error.message);
  }
}

/** @throws RefusedDocument for more than one document, and for deep nesting, which takes very long to compose */
function composeDocument(text: string, file: string, lines: LineCounter): Document {
  const composer = new Composer({
    merge: true,
    // Checked while nodes are read: this check compares every key with every other.
    uniqueKeys: false,
    prettyErrors: false,
    intAsBigInt: false,
  });
  let first: Document | undefined;
  for (const document of composer.compose(tokensOf(text, file, lines), true, text.length)) {
    if (first !== undefined) {
      const at = lines.linePos(document.range[0]);
      throw new RefusedDocument('yaml: expected one document, found several', placeAt(file, at));
    }
    first = document;
  }
  return first as Document;
}

function* tokensOf(text: string, file: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MAX_OPEN_TOKENS) {
      throw new RefusedDocument(TOO_DEEP, placeAt(file, lines.linePos(parser.offset)));
    }
  }
  yield* parser.end();
}

function placeAt(file: string, at: { readonly line: number; readonly col: number }): ConfigPlace {
  return { file, line: Math.max(at.line, 1), column: Math.max(at.col, 1) };
}

function failed(file: string, line: number, column: number, message: string): ParsedConfig {
  return { node: emptyNode(file), issues: [{ severity: 'error', file, line, column, path: [], message }] };
}

/** What ends the reading of a document, and where. */
class RefusedDocument extends Error {
  readonly place: ConfigPlace;
  constructor(message: string, place: ConfigPlace) {
    super(message);
    this.place = place;
  }
}

/** What an anchor stands for, and how many values it expands to. */
type Anchored = { readonly node: ConfigNode; readonly size: number };

class NodeReader {
  readonly #file: string;
  readonly #lines: LineCounter;
  // Nodes are read in document order, so an alias always finds the latest anchor of its name before it.
  readonly #anchors = new Map<string, Anchored | 'open'>();
  readonly issues: ConfigIssue[] = [];
  #count = 0;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  read(node: unknown, depth: number): ConfigNode {
    const place = this.#place(node);
    if (depth > MAX_DEPTH) throw new RefusedDocument(TOO_DEEP, place);
    if (isAlias(node)) {
      const anchored = this.#anchors.get(node.source);
      if (anchored === undefined)
        throw new RefusedDocument(`yaml: unknown anchor '${node.source}' referenced`, place);
      if (anchored === 'open')
        throw new RefusedDocument(`yaml: anchor '${node.source}' value contains itself`, place);
      this.#expand(anchored.size, place);
      return anchored.node;
    }
    const before = this.#count;
    this.#expand(1, place);
    const anchor = isNode(node) && 'anchor' in node ? node.anchor : undefined;
    if (typeof anchor !== 'string') return this.#readOwn(node, place, depth);
    this.#anchors.set(anchor, 'open');
    const result = this.#readOwn(node, place, depth);
    this.#anchors.set(anchor, { node: result, size: this.#count - before });
    return result;
  }

  /** Aliases make small texts grow without end, so what is counted is what they expand to. */
  #expand(count: number, place: ConfigPlace): void {
    this.#count += count;
    if (this.#count > MAX_NODES)
      throw new RefusedDocument(`the document expands to more than ${MAX_NODES} values`, place);
  }

  #readOwn(node: unknown, place: ConfigPlace, depth: number): ConfigNode {
    if (isMap(node)) return { kind: 'map', place, entries: this.#entries(node, depth) };
    if (isSeq(node))
      return { kind: 'list', place, items: node.items.map((item) => this.read(item, depth + 1)) };
    if (!isScalar(node)) return { kind: 'scalar', value: null, text: '', place };
    const value = node.value;
    const text = node.source ?? String(value);
    if (value === null || value === undefined) return { kind: 'scalar', value: null, text, place };
    const known = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
    return { kind: 'scalar', value: known ? value : String(value), text, place };
  }

  #entries(map: YAMLMap, depth: number): ConfigEntry[] {
    const own: ConfigEntry[] = [];
    const merged: ConfigEntry[] = [];
    const seen = new Set<string>();
    for (const pair of map.items) {
      const key = pair.key;
      if (isScalar(key) && (key.value === '<<' || typeof key.value === 'symbol')) {
        for (const entry of this.#mergedEntries(pair, depth)) merged.push(entry);
        continue;
      }
      const keyText = this.#keyText(key, depth);
      const keyPlace = this.#place(key);
      if (seen.has(keyText)) {
        this.issues.push({
          severity: 'error',
          ...keyPlace,
          path: [],
          message: 'yaml: Map keys must be unique',
        });
      }
      seen.add(keyText);
      own.push({ key: keyText, keyPlace, node: this.read(pair.value, depth + 1) });
    }
    for (const entry of merged) {
      if (seen.has(entry.key)) continue;
      seen.add(entry.key);
      own.push(entry);
    }
    return own;
  }

  /** A key must be a scalar, or an alias of one. */
  #keyText(key: unknown, depth: number): string {
    if (isScalar(key)) return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
    const read = this.read(key, depth + 1);
    if (read.kind !== 'scalar') throw new RefusedDocument('yaml: a mapping key must be a scalar', read.place);
    return read.text;
  }

  #mergedEntries(pair: Pair, depth: number): readonly ConfigEntry[] {
    const source = this.read(pair.value, depth + 1);
    const maps = source.kind === 'list' ? source.items : [source];
    return maps.flatMap((map) => (map.kind === 'map' ? map.entries : []));
  }

  #place(node: unknown): ConfigPlace {
    return placeAt(this.#file, this.#lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0));
  }
}
