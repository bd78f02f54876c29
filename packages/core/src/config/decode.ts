import type { ConfigIssue, ConfigPath, ReportIssue } from './issue.ts';
import { nearestName } from './near-name.ts';
import {
  type ConfigEntry,
  type ConfigNode,
  childNode,
  describeNode,
  locateNode,
  nodeToPlain,
} from './node.ts';

/**
 * The part of JSON Schema that configuration schemas use, with four keywords of our own (set them as options of the TypeBox type):
 * - `weak`: here and below, numbers are accepted as texts (as written), texts as numbers, one value as a list of one;
 * - `ignoreCase`: enumerated texts match in any case and decode to the declared spelling;
 * - `foldKeys`: keys match in any case, with `_` and `-` the same;
 * - `notServed`: accepted for compatibility, but reported as having no effect in this version.
 * An object schema without `additionalProperties` reports keys it does not know; with `additionalProperties: true` it keeps them.
 */
export type ConfigSchema = {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly ConfigSchema[];
  readonly properties?: Readonly<Record<string, ConfigSchema>>;
  readonly patternProperties?: Readonly<Record<string, ConfigSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | ConfigSchema;
  readonly items?: ConfigSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly weak?: boolean;
  readonly ignoreCase?: boolean;
  readonly foldKeys?: boolean;
  readonly notServed?: boolean;
};

/** A decoded document; `value` is only meaningful when no issue is an error. */
export type DecodedConfig<T> = {
  readonly value: T;
  readonly issues: ConfigIssue[];
  /** Reports a finding at a path of this document, for checks that a schema cannot express. */
  readonly report: ReportIssue;
};

/** Checks a document against a schema, fills in defaults and collects every finding with its place. */
export function decodeConfig<T>(schema: unknown, root: ConfigNode, base: ConfigPath = []): DecodedConfig<T> {
  const issues: ConfigIssue[] = [];
  const report: ReportIssue = (severity, path, message, detail) => {
    const place = locateNode(root, path);
    issues.push({ severity, ...place, path: [...base, ...path], message, ...detail });
  };
  const decoder = new Decoder(issues, base);
  const value = decoder.decode(schema as ConfigSchema, root, [], false);
  return { value: value as T, issues, report };
}

/** The value a schema gives when nothing is written. */
export function defaultOf<T>(schema: unknown): T {
  return fillDefault(schema as ConfigSchema) as T;
}

function fillDefault(schema: ConfigSchema): unknown {
  if (schema.default !== undefined) return structuredClone(schema.default);
  if (schema.properties === undefined) return undefined;
  const value: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(schema.properties)) {
    const filled = fillDefault(property);
    if (filled !== undefined && (property.default !== undefined || schema.required?.includes(key)))
      value[key] = filled;
  }
  return value;
}

class Decoder {
  readonly #issues: ConfigIssue[];
  readonly #base: ConfigPath;

  constructor(issues: ConfigIssue[], base: ConfigPath) {
    this.#issues = issues;
    this.#base = base;
  }

  decode(schema: ConfigSchema, node: ConfigNode, path: ConfigPath, weakAbove: boolean): unknown {
    const weak = weakAbove || schema.weak === true;
    if (schema.anyOf !== undefined) return this.#anyOf(schema, node, path, weak);
    if (schema.const !== undefined) return this.#enumerated(schema, [schema.const], node, path);
    if (schema.enum !== undefined) return this.#enumerated(schema, schema.enum, node, path);
    switch (schema.type) {
      case 'object':
        return this.#object(schema, node, path, weak);
      case 'array':
        return this.#array(schema, node, path, weak);
      case 'string':
        return this.#string(schema, node, path, weak);
      case 'integer':
      case 'number':
        return this.#number(schema, node, path, weak);
      case 'boolean':
        return this.#boolean(node, path, weak);
      case 'null':
        return node.kind === 'scalar' && node.value === null ? null : this.#wrong(node, path, 'nothing');
      default:
        return nodeToPlain(node);
    }
  }

  #anyOf(schema: ConfigSchema, node: ConfigNode, path: ConfigPath, weak: boolean): unknown {
    const options = schema.anyOf ?? [];
    if (options.every((option) => option.const !== undefined)) {
      return this.#enumerated(
        schema,
        options.map((option) => option.const),
        node,
        path,
      );
    }
    let closest: ConfigIssue[] | undefined;
    for (const option of options) {
      const issues: ConfigIssue[] = [];
      const value = new Decoder(issues, this.#base).decode(option, node, path, weak);
      if (!issues.some((issue) => issue.severity === 'error')) {
        this.#issues.push(...issues);
        return value;
      }
      // The branch that failed deepest is the one the writer meant.
      if (closest === undefined || depthOf(issues) > depthOf(closest)) closest = issues;
    }
    const expected = options.map(describeSchema).join(', or ');
    if (closest !== undefined && depthOf(closest) > path.length + this.#base.length)
      this.#issues.push(...closest);
    else this.#wrong(node, path, expected);
    return undefined;
  }

  #enumerated(
    schema: ConfigSchema,
    allowed: readonly unknown[],
    node: ConfigNode,
    path: ConfigPath,
  ): unknown {
    if (node.kind === 'scalar') {
      const same = (value: unknown): boolean =>
        value === node.value ||
        (schema.ignoreCase === true && String(value).toLowerCase() === node.text.toLowerCase());
      const found = allowed.find(same);
      if (found !== undefined) return found;
    }
    const near = node.kind === 'scalar' ? nearestName(node.text, allowed.map(String)) : undefined;
    const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
    return this.#wrong(node, path, `one of ${allowed.join(', ')}`, hint);
  }

  #object(schema: ConfigSchema, node: ConfigNode, path: ConfigPath, weak: boolean): unknown {
    if (node.kind === 'scalar' && node.value === null) return this.#withDefaults(schema, {}, node, path);
    if (node.kind !== 'map') return this.#wrong(node, path, 'a mapping');
    const value: Record<string, unknown> = {};
    const patterns = Object.entries(schema.patternProperties ?? {}).map(
      ([pattern, each]) => [new RegExp(pattern), each] as const,
    );
    for (const entry of node.entries) {
      const key = this.#knownKey(schema, entry.key);
      const property =
        (key === undefined ? undefined : schema.properties?.[key]) ??
        patterns.find(([pattern]) => pattern.test(entry.key))?.[1];
      const name = key ?? entry.key;
      if (name === '__proto__') continue;
      if (property !== undefined) {
        const at = [...path, name];
        if (property.notServed === true && !isSwitchedOff(entry.node))
          this.#push('warning', entry, at, 'accepted, but not served by this version');
        // A null scalar counts as absent, so that `key:` with nothing behind it keeps its default.
        const absent = entry.node.kind === 'scalar' && entry.node.value === null && !acceptsNull(property);
        if (!absent) value[name] = this.decode(property, entry.node, at, weak);
      } else if (typeof schema.additionalProperties === 'object') {
        value[name] = this.decode(schema.additionalProperties, entry.node, [...path, name], weak);
      } else if (schema.additionalProperties === true) {
        value[name] = nodeToPlain(entry.node);
      } else {
        this.#unknownKey(schema, entry, path);
      }
    }
    return this.#withDefaults(schema, value, node, path);
  }

  #knownKey(schema: ConfigSchema, key: string): string | undefined {
    const properties = schema.properties ?? {};
    if (Object.hasOwn(properties, key)) return key;
    if (schema.foldKeys !== true) return undefined;
    const folded = foldKey(key);
    return Object.keys(properties).find((each) => foldKey(each) === folded);
  }

  #withDefaults(
    schema: ConfigSchema,
    value: Record<string, unknown>,
    node: ConfigNode,
    path: ConfigPath,
  ): unknown {
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      if (Object.hasOwn(value, key)) continue;
      const isRequired = schema.required?.includes(key) === true;
      const filled = property.default !== undefined || isRequired ? fillDefault(property) : undefined;
      if (filled !== undefined) value[key] = filled;
      else if (isRequired)
        this.#wrong(node, [...path, key], describeSchema(property), '', `key '${key}' missing`);
    }
    return value;
  }

  #unknownKey(schema: ConfigSchema, entry: ConfigEntry, path: ConfigPath): void {
    const near = nearestName(entry.key, Object.keys(schema.properties ?? {}));
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    this.#push('warning', entry, [...path, entry.key], `unknown key is ignored${hint}`);
  }

  #array(schema: ConfigSchema, node: ConfigNode, path: ConfigPath, weak: boolean): unknown {
    const items =
      node.kind === 'list'
        ? node.items
        : weak && node.kind === 'scalar' && node.value !== null
          ? [node]
          : undefined;
    if (items === undefined) return this.#wrong(node, path, 'a list');
    if (schema.maxItems !== undefined && items.length > schema.maxItems)
      return this.#wrong(node, path, `at most ${schema.maxItems} entries`);
    if (schema.minItems !== undefined && items.length < schema.minItems)
      return this.#wrong(node, path, `at least ${schema.minItems} entries`);
    const itemSchema = schema.items ?? {};
    return items.map((item, index) => this.decode(itemSchema, item, [...path, index], weak));
  }

  #string(schema: ConfigSchema, node: ConfigNode, path: ConfigPath, weak: boolean): unknown {
    const isText = node.kind === 'scalar' && typeof node.value === 'string';
    const isNumberAsText =
      weak && node.kind === 'scalar' && (typeof node.value === 'number' || typeof node.value === 'bigint');
    if (!isText && !isNumberAsText) return this.#wrong(node, path, describeSchema(schema));
    const text = isText ? String(node.value) : node.text;
    if (schema.minLength !== undefined && text.length < schema.minLength)
      return this.#wrong(node, path, `a text of at least ${schema.minLength} characters`);
    if (schema.maxLength !== undefined && text.length > schema.maxLength)
      return this.#wrong(node, path, `a text of at most ${schema.maxLength} characters`);
    if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(text))
      return this.#wrong(node, path, describeSchema(schema));
    return text;
  }

  #number(schema: ConfigSchema, node: ConfigNode, path: ConfigPath, weak: boolean): unknown {
    const value = numberOf(node, weak);
    const isInteger = schema.type !== 'integer' || Number.isSafeInteger(value);
    const inRange =
      value !== undefined && value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity);
    return isInteger && inRange ? value : this.#wrong(node, path, describeSchema(schema));
  }

  #boolean(node: ConfigNode, path: ConfigPath, weak: boolean): unknown {
    if (node.kind === 'scalar') {
      if (typeof node.value === 'boolean') return node.value;
      if (weak && typeof node.value === 'number') return node.value !== 0;
      if (weak && (node.value === '0' || node.value === '1')) return node.value === '1';
    }
    return this.#wrong(node, path, 'true or false');
  }

  #wrong(node: ConfigNode, path: ConfigPath, expected: string, hint = '', message?: string): undefined {
    const found = describeNode(node);
    const text = message ?? `expected ${expected}, found ${found}${hint}`;
    this.#issues.push({
      severity: 'error',
      ...node.place,
      path: [...this.#base, ...path],
      message: text,
      expected,
      found,
    });
    return undefined;
  }

  #push(severity: 'error' | 'warning', entry: ConfigEntry, path: ConfigPath, message: string): void {
    this.#issues.push({ severity, ...entry.keyPlace, path: [...this.#base, ...path], message });
  }
}

function numberOf(node: ConfigNode, weak: boolean): number | undefined {
  if (node.kind !== 'scalar') return undefined;
  if (typeof node.value === 'number') return node.value;
  const text = weak && typeof node.value === 'string' ? node.value.trim() : '';
  return /^[+-]?(0x[0-9a-f]+|0o?[0-7]+|0b[01]+|\d+(\.\d+)?(e[+-]?\d+)?)$/i.test(text)
    ? Number(text)
    : undefined;
}

function acceptsNull(schema: ConfigSchema): boolean {
  return schema.type === 'null' || (schema.anyOf ?? []).some(acceptsNull);
}

function depthOf(issues: readonly ConfigIssue[]): number {
  return Math.max(
    0,
    ...issues.filter((issue) => issue.severity === 'error').map((issue) => issue.path.length),
  );
}

function foldKey(key: string): string {
  return key.toLowerCase().replaceAll('_', '-');
}

/** What a schema accepts, in a reader's words. */
function describeSchema(schema: ConfigSchema): string {
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  if (schema.anyOf !== undefined) return schema.anyOf.map(describeSchema).join(', or ');
  switch (schema.type) {
    case 'object':
      return 'a mapping';
    case 'array':
      return schema.items === undefined ? 'a list' : `a list of ${describeSchema(schema.items)}`;
    case 'string':
      return schema.pattern === undefined ? 'a text' : `a text like ${schema.pattern}`;
    case 'integer':
    case 'number': {
      const name = schema.type === 'integer' ? 'a whole number' : 'a number';
      if (schema.minimum !== undefined && schema.maximum !== undefined)
        return `${name} from ${schema.minimum} to ${schema.maximum}`;
      if (schema.minimum !== undefined) return `${name} of at least ${schema.minimum}`;
      return schema.maximum === undefined ? name : `${name} of at most ${schema.maximum}`;
    }
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'nothing';
    default:
      return 'any value';
  }
}

/** Whether a section or key asks for nothing: `enable: false`, an empty value, `false` or 0. */
function isSwitchedOff(node: ConfigNode): boolean {
  if (node.kind === 'map') {
    const enable = childNode(node, 'enable');
    return node.entries.length === 0 || (enable !== undefined && isSwitchedOff(enable));
  }
  if (node.kind === 'list') return node.items.length === 0;
  return node.value === null || node.value === false || node.value === 0 || node.value === '';
}
