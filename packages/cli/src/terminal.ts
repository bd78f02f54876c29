import type { ConfigIssue } from '@sluice/core/config/issue';
import { formatIssue } from '@sluice/core/config/print-issue';

/** What commands write to; standard output carries results, standard error everything else. */
export type Terminal = {
  out(text: string): void;
  err(text: string): void;
  readonly colour: boolean;
};

export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  colour: process.stderr.isTTY === true && process.env['NO_COLOR'] === undefined,
};

/** Prints findings, errors last so that they are what stays on the screen. */
export function printIssues(terminal: Terminal, issues: readonly ConfigIssue[]): void {
  const bySeverity = [...issues].sort(
    (a, b) => Number(a.severity === 'error') - Number(b.severity === 'error'),
  );
  for (const issue of bySeverity) terminal.err(formatIssue(issue));
}
