import type { ConfigEntry, ConfigNode, ConfigPlace } from './node.ts';
import { resolvePlainScalar } from './plain-scalar.ts';

const MAX_NODES = 4_000_000;
const MAX_DEPTH = 60;
/** Characters from the start of a key to its colon; the specification (YAML 1.2 §7.4) has 1024. */
const MAX_KEY_SPAN = 1000;
/** Tabs, line breaks other than LF, and characters that are not allowed or mean something. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNUSUAL = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]|^(?:---|\.\.\.|%)/m;
/** Characters that begin something else than a plain scalar. */
const INDICATORS = '?:,[]{}#&*!|>\'"%@`';
const FLOW_PUNCTUATION = ',[]{}';
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ['"', '"'],
  ['/', '/'],
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['0', '\0'],
]);

/** Thrown where the text leaves the part of YAML that is read here. */
class NotPlain extends Error {}

/**
 * Reads the part of YAML that long lists are written in, many times faster than a complete parser: mappings, lists, flow
 * collections and scalars that end on their line, without anchors, tags, block scalars and merge keys. Gives the same nodes
 * and places as the complete parser, or `undefined` for everything else, errors included.
 */
export function parsePlainYaml(text: string, file: string): ConfigNode | undefined {
  if (UNUSUAL.test(text)) return undefined;
  try {
    return new PlainReader(text, file).document();
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

class PlainReader {
  readonly #text: string;
  readonly #file: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  /** Column of the first character of the present line's content, from 0; -1 at the end of the text. */
  #indent = 0;
  #depth = 0;
  #count = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  document(): ConfigNode {
    this.#findContent();
    if (this.#indent !== 0) throw new NotPlain();
    const first = this.#text[this.#at];
    const node =
      first === '{' || first === '['
        ? this.#flowLine()
        : this.#isDash()
          ? this.#blockList(0)
          : this.#blockMap(0);
    if (this.#at < this.#text.length) throw new NotPlain();
    return node;
  }

  /** A flow collection that has its line, and here the document, for itself. */
  #flowLine(): ConfigNode {
    const node = this.#flow();
    if (!this.#skipSpaces()) throw new NotPlain();
    this.#findContent();
    return node;
  }

  /** The block that begins at the present content, which is deeper than the parent. */
  #block(): ConfigNode {
    const indent = this.#indent;
    if (this.#isDash()) return this.#blockList(indent);
    if (!this.#isKey()) throw new NotPlain();
    return this.#blockMap(indent);
  }

  #blockMap(indent: number): ConfigNode {
    this.#enter();
    const place = this.#place();
    const entries: ConfigEntry[] = [];
    const seen = new Set<string>();
    do {
      const start = this.#at;
      const keyPlace = this.#place();
      const key = this.#blockKey();
      claim(seen, key, this.#at - start);
      entries.push({ key, keyPlace, node: this.#blockValue(indent, true) });
      if (this.#indent > indent) throw new NotPlain();
    } while (this.#indent === indent && !this.#isDash());
    this.#depth -= 1;
    return { kind: 'map', entries, place };
  }

  #blockList(indent: number): ConfigNode {
    this.#enter();
    const place = this.#place();
    const items: ConfigNode[] = [];
    do {
      this.#at += 1;
      const isOver = this.#skipSpaces();
      if (!isOver && (this.#isDash() || this.#isKey())) {
        this.#indent = this.#at - this.#lineStart;
        items.push(this.#block());
      } else items.push(this.#blockValue(indent, false));
      if (this.#indent > indent) throw new NotPlain();
    } while (this.#indent === indent && this.#isDash());
    this.#depth -= 1;
    return { kind: 'list', items, place };
  }

  /** What follows a key or a dash; leaves at the next content. `ofKey`: a list may stand at the key's own indentation. */
  #blockValue(indent: number, ofKey: boolean): ConfigNode {
    const behind = this.#place();
    const wasEnd = this.#at === this.#text.length || this.#text[this.#at] === '\n';
    if (this.#skipSpaces()) {
      this.#findContent();
      if (this.#indent > indent || (ofKey && this.#indent === indent && this.#isDash())) return this.#block();
      if (!ofKey || !wasEnd) throw new NotPlain();
      return this.#scalar(null, '', behind);
    }
    const node = this.#inlineValue();
    if (!this.#skipSpaces()) throw new NotPlain();
    this.#findContent();
    // Deeper content would go on with the value.
    if (this.#indent > indent) throw new NotPlain();
    return node;
  }

  #inlineValue(): ConfigNode {
    const place = this.#place();
    const first = this.#text[this.#at];
    if (first === '[' || first === '{') return this.#flow();
    if (first === '"' || first === "'") {
      const text = this.#quoted();
      return this.#scalar(text, text, place);
    }
    const text = this.#plainLine();
    if (text.includes(': ') || text.endsWith(':')) throw new NotPlain();
    this.#at += text.length;
    return this.#resolved(text, place);
  }

  #blockKey(): string {
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") {
      const key = this.#quoted();
      this.#skipBlanks();
      this.#expectColon();
      return key;
    }
    const line = this.#plainLine();
    const colon = keyEnd(line);
    if (colon < 0) throw new NotPlain();
    this.#at += colon;
    this.#expectColon();
    return line.slice(0, colon).trimEnd();
  }

  #expectColon(): void {
    const next = this.#text[this.#at + 1];
    if (this.#text[this.#at] !== ':' || (next !== ' ' && next !== '\n' && next !== undefined))
      throw new NotPlain();
    this.#at += 1;
  }

  /** Whether a key begins here; flow collections as keys are not plain. */
  #isKey(): boolean {
    const first = this.#text[this.#at];
    if (first === '[' || first === '{') return false;
    if (first !== '"' && first !== "'") return keyEnd(this.#plainLine()) >= 0;
    const start = this.#at;
    this.#quoted();
    this.#skipBlanks();
    const isKey = this.#text[this.#at] === ':';
    this.#at = start;
    return isKey;
  }

  #flow(): ConfigNode {
    this.#enter();
    const node = this.#text[this.#at] === '[' ? this.#flowList() : this.#flowMap();
    this.#depth -= 1;
    return node;
  }

  #flowList(): ConfigNode {
    const place = this.#place();
    const items: ConfigNode[] = [];
    this.#at += 1;
    for (this.#skipBlanks(); this.#text[this.#at] !== ']'; this.#skipBlanks()) {
      items.push(this.#flowValue());
      this.#flowSeparator(']');
    }
    this.#at += 1;
    return { kind: 'list', items, place };
  }

  #flowMap(): ConfigNode {
    const place = this.#place();
    const entries: ConfigEntry[] = [];
    const seen = new Set<string>();
    this.#at += 1;
    for (this.#skipBlanks(); this.#text[this.#at] !== '}'; this.#skipBlanks()) {
      const start = this.#at;
      const keyPlace = this.#place();
      const first = this.#text[this.#at];
      const isQuoted = first === '"' || first === "'";
      const key = isQuoted ? this.#quoted() : this.#flowPlain();
      this.#skipBlanks();
      if (this.#text[this.#at] !== ':') throw new NotPlain();
      claim(seen, key, this.#at - start);
      this.#at += 1;
      this.#skipBlanks();
      entries.push({ key, keyPlace, node: this.#flowValue() });
      this.#flowSeparator('}');
    }
    this.#at += 1;
    return { kind: 'map', entries, place };
  }

  #flowValue(): ConfigNode {
    const place = this.#place();
    const first = this.#text[this.#at];
    if (first === '[' || first === '{') return this.#flow();
    if (first !== '"' && first !== "'") return this.#resolved(this.#flowPlain(), place);
    const text = this.#quoted();
    return this.#scalar(text, text, place);
  }

  #flowSeparator(end: ']' | '}'): void {
    this.#skipBlanks();
    if (this.#text[this.#at] === ',') this.#at += 1;
    else if (this.#text[this.#at] !== end) throw new NotPlain();
  }

  /** A plain scalar inside brackets: it ends at punctuation, or at a colon that makes it a key. */
  #flowPlain(): string {
    this.#checkPlainStart();
    const start = this.#at;
    for (let at = start; ; at++) {
      const char = this.#text[at];
      if (char === undefined || char === '\n' || char === '[' || char === '{') throw new NotPlain();
      const next = this.#text[at + 1] ?? '\n';
      if (char === '#' && this.#text[at - 1] === ' ') throw new NotPlain();
      const endsKey = char === ':' && next === ' ';
      if (char === ':' && (next === '\n' || FLOW_PUNCTUATION.includes(next))) throw new NotPlain();
      if (char !== ',' && char !== ']' && char !== '}' && !endsKey) continue;
      this.#at = at;
      return this.#text.slice(start, at).trimEnd();
    }
  }

  /** The rest of the line as a plain scalar with what may follow a key, without comment and spaces behind. */
  #plainLine(): string {
    this.#checkPlainStart();
    const end = this.#lineEnd();
    const line = this.#text.slice(this.#at, end);
    const comment = line.indexOf(' #');
    return (comment < 0 ? line : line.slice(0, comment)).trimEnd();
  }

  #checkPlainStart(): void {
    const first = this.#text[this.#at] ?? '\n';
    const next = this.#text[this.#at + 1] ?? '\n';
    const isDash = first === '-' && (next === ' ' || next === '\n' || FLOW_PUNCTUATION.includes(next));
    if (first === '\n' || isDash || INDICATORS.includes(first)) throw new NotPlain();
  }

  #quoted(): string {
    return this.#text[this.#at] === '"' ? this.#doubleQuoted() : this.#singleQuoted();
  }

  #singleQuoted(): string {
    let text = '';
    for (let start = this.#at + 1; ; ) {
      const end = this.#text.indexOf("'", start);
      if (end < 0) throw new NotPlain();
      text += this.#text.slice(start, end);
      this.#at = end + 1;
      if (this.#text[end + 1] !== "'") break;
      text += "'";
      start = end + 2;
    }
    if (text.includes('\n')) throw new NotPlain();
    return text;
  }

  #doubleQuoted(): string {
    let text = '';
    for (let at = this.#at + 1, start = at; ; at++) {
      const char = this.#text[at];
      if (char === undefined || char === '\n') throw new NotPlain();
      if (char !== '"' && char !== '\\') continue;
      text += this.#text.slice(start, at);
      if (char === '"') {
        this.#at = at + 1;
        return text;
      }
      const { value, length } = escaped(this.#text, at + 1);
      text += value;
      at += length;
      start = at + 1;
    }
  }

  /** Skips to what comes next on this line; true when that is nothing or a comment. */
  #skipSpaces(): boolean {
    this.#skipBlanks();
    const char = this.#text[this.#at];
    if (char === '#' && this.#text[this.#at - 1] !== ' ') throw new NotPlain();
    return char === undefined || char === '\n' || char === '#';
  }

  #skipBlanks(): void {
    while (this.#text[this.#at] === ' ') this.#at += 1;
  }

  /** From anywhere on a line that is done, or from the start of the text, to the next line with content. */
  #findContent(): void {
    const { length } = this.#text;
    if (this.#at > 0) this.#nextLine();
    for (; this.#at < length; this.#nextLine()) {
      this.#skipBlanks();
      const char = this.#text[this.#at];
      if (char === undefined || char === '\n' || char === '#') continue;
      this.#indent = this.#at - this.#lineStart;
      return;
    }
    this.#indent = -1;
  }

  #nextLine(): void {
    this.#at = Math.min(this.#lineEnd() + 1, this.#text.length);
    this.#line += 1;
    this.#lineStart = this.#at;
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #isDash(): boolean {
    const next = this.#text[this.#at + 1];
    return this.#text[this.#at] === '-' && (next === ' ' || next === '\n' || next === undefined);
  }

  #resolved(text: string, place: ConfigPlace): ConfigNode {
    const value = resolvePlainScalar(text);
    if (value === undefined || text === '<<') throw new NotPlain();
    return this.#scalar(value, text, place);
  }

  #scalar(value: string | number | boolean | null, text: string, place: ConfigPlace): ConfigNode {
    if (++this.#count > MAX_NODES) throw new NotPlain();
    return { kind: 'scalar', value, text, place };
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH || ++this.#count > MAX_NODES) throw new NotPlain();
  }

  #place(): ConfigPlace {
    return { file: this.#file, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }
}

/** Keys that come twice are errors, `<<` merges, and keys have a limit. */
function claim(seen: Set<string>, key: string, span: number): void {
  if (seen.has(key) || key === '<<' || span > MAX_KEY_SPAN) throw new NotPlain();
  seen.add(key);
}

/** Where the key at the start of a line ends: its colon; -1 when there is none. */
function keyEnd(line: string): number {
  const inside = line.indexOf(': ');
  if (inside >= 0) return inside;
  return line.endsWith(':') ? line.length - 1 : -1;
}

/** What an escape sequence stands for, from behind its backslash. */
function escaped(text: string, at: number): { readonly value: string; readonly length: number } {
  const code = text[at] ?? '';
  const simple = ESCAPES.get(code);
  if (simple !== undefined) return { value: simple, length: 1 };
  const digits = code === 'x' ? 2 : code === 'u' ? 4 : 0;
  const hex = text.slice(at + 1, at + 1 + digits);
  if (digits === 0 || hex.length < digits || !/^[0-9a-fA-F]+$/.test(hex)) throw new NotPlain();
  return { value: String.fromCharCode(Number.parseInt(hex, 16)), length: 1 + digits };
}
