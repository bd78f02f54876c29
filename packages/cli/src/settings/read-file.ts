import { readFileSync } from 'node:fs';
import { errorText } from '@sluice/base/errors';
import { parseIniConfig } from '@sluice/core/config/ini';
import { emptyNode } from '@sluice/core/config/node';
import { type ParsedConfig, parseYamlConfig } from '@sluice/core/config/yaml';

let standardInput: string | undefined;

/** What a launcher piped in; it comes only once, and a reload needs it again. */
function readStandardInput(): string {
  standardInput ??= readFileSync(0, 'utf8');
  return standardInput;
}

/** Reads a configuration file by its kind (`.ini`, otherwise YAML); a file that cannot be read is an issue at its first line. */
export function readConfigFile(path: string): ParsedConfig {
  let text: string;
  try {
    text = path === '-' ? readStandardInput() : readFileSync(path, 'utf8');
  } catch (error) {
    const message = `cannot read the configuration file: ${errorText(error)}`;
    return {
      node: emptyNode(path),
      issues: [{ severity: 'error', file: path, line: 1, column: 1, path: [], message }],
    };
  }
  const name = path === '-' ? 'standard input' : path;
  return name.toLowerCase().endsWith('.ini') ? parseIniConfig(text, name) : parseYamlConfig(text, name);
}
