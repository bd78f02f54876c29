import type { ConfigIssue } from './issue.ts';

/** One line for people and editors: `file:line:column: error: message`. */
export function formatIssue(issue: ConfigIssue): string {
  return `${issue.file}:${issue.line}:${issue.column}: ${issue.severity}: ${issue.message}`;
}
