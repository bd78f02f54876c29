import type { ConfigSchema } from './decode.ts';
import type { ConfigIssue } from './issue.ts';
import { nearestName } from './near-name.ts';
import { type ConfigNode, withNodeAt } from './node.ts';
import { parseYamlConfig } from './yaml.ts';

const PREFIX = 'SLUICE_';

/** Names of our own variables that are not configuration keys. */
const RESERVED = new Set(['SLUICE_NO_FFI']);

/** The variable that overrides a key: `control.listen` → `SLUICE_CONTROL__LISTEN`, `route.mixed-port` → `SLUICE_ROUTE__MIXED_PORT`. */
export function environmentName(path: readonly string[]): string {
  return PREFIX + path.map((key) => key.replaceAll('-', '_').toUpperCase()).join('__');
}

/** Lays the values of `SLUICE_…` variables over a document; a value is read as YAML, so lists and numbers work. */
export function applyEnvironment(
  schema: unknown,
  node: ConfigNode,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly node: ConfigNode; readonly issues: readonly ConfigIssue[] } {
  const paths = new Map(leafPaths(schema as ConfigSchema, []).map((path) => [environmentName(path), path]));
  const issues: ConfigIssue[] = [];
  let result = node;
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || text === undefined || RESERVED.has(name)) continue;
    const file = `environment variable ${name}`;
    const path = paths.get(name);
    if (path === undefined) {
      const near = nearestName(name, paths.keys());
      const message = `${name} names no setting and is ignored${near === undefined ? '' : `; did you mean ${near}?`}`;
      issues.push({ severity: 'warning', file, line: 1, column: 1, path: [], message });
      continue;
    }
    const parsed = parseYamlConfig(text, file);
    issues.push(...parsed.issues);
    result = withNodeAt(result, path, parsed.node);
  }
  return { node: result, issues };
}

function leafPaths(schema: ConfigSchema, path: readonly string[]): (readonly string[])[] {
  if (schema.properties === undefined) return path.length === 0 ? [] : [path];
  return Object.entries(schema.properties).flatMap(([key, property]) => leafPaths(property, [...path, key]));
}
