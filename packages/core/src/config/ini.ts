import type { ConfigIssue } from './issue.ts';
import type { ConfigEntry, ConfigNode, ConfigPlace } from './node.ts';
import type { ParsedConfig } from './yaml.ts';

/** Reads `[section]` / `key=value` lines (`#` and `;` start a comment line) into one mapping of mappings; every value is text. */
export function parseIniConfig(text: string, file: string): ParsedConfig {
  const issues: ConfigIssue[] = [];
  const sections = new Map<string, { place: ConfigPlace; entries: ConfigEntry[] }>();
  let current: { place: ConfigPlace; entries: ConfigEntry[] } | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/^\uFEFF/, '').trim();
    const column = raw.length - raw.trimStart().length + 1;
    const place: ConfigPlace = { file, line: index + 1, column };
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const header = /^\[([^\]]+)\]$/.exec(line)?.[1]?.trim();
    const equals = line.indexOf('=');
    if (header !== undefined) {
      current = sections.get(header) ?? { place, entries: [] };
      sections.set(header, current);
    } else if (equals > 0 && current !== undefined) {
      const key = line.slice(0, equals).trim();
      const value = line.slice(equals + 1).trim();
      const node: ConfigNode = {
        kind: 'scalar',
        value,
        text: value,
        place: { ...place, column: column + equals + 1 },
      };
      const existing = current.entries.findIndex((entry) => entry.key === key);
      if (existing >= 0) current.entries.splice(existing, 1);
      current.entries.push({ key, keyPlace: place, node });
    } else {
      const expected = current === undefined ? 'a [section] header first' : 'key=value';
      issues.push({
        severity: 'error',
        file,
        line: place.line,
        column,
        path: [],
        message: `expected ${expected}`,
        expected,
        found: line.slice(0, 60),
      });
    }
  }
  const entries = [...sections].map(
    ([key, section]): ConfigEntry => ({
      key,
      keyPlace: section.place,
      node: { kind: 'map', place: section.place, entries: section.entries },
    }),
  );
  return { node: { kind: 'map', place: { file, line: 1, column: 1 }, entries }, issues };
}
