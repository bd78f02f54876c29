import type { ConfigIssue } from './issue.ts';

/** One line for people and editors: `file:line:column: severity: key.path: what is wrong, expected and found`. */
export function formatIssue(issue: ConfigIssue): string {
  return `${issue.file}:${issue.line}:${issue.column}: ${issue.severity}: ${describeIssue(issue)}`;
}

/** The finding without its place: `key.path: what is wrong, expected and found`. */
export function describeIssue(issue: ConfigIssue): string {
  const path = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  const wanted =
    issue.expected === undefined || issue.message.includes('expected') ? '' : `expected ${issue.expected}`;
  const found = issue.found === undefined || issue.message.includes('found ') ? '' : `found ${issue.found}`;
  const detail = [wanted, found].filter((part) => part !== '').join(', ');
  return `${path}${issue.message}${detail === '' ? '' : ` (${detail})`}`;
}
