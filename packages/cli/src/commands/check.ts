import { EXIT_FAILED, EXIT_OK } from '../exit-codes.ts';
import { loadSettings, type SettingsSource } from '../settings/load-settings.ts';
import { printIssues, type Terminal } from '../terminal.ts';

/** `sluice check`: reads the configuration as `run` would, reports every finding, starts nothing. */
export function checkCommand(source: SettingsSource, terminal: Terminal): number {
  const { settings, issues } = loadSettings({ ...source, lint: true });
  printIssues(terminal, issues);
  const errors = issues.filter((issue) => issue.severity === 'error').length;
  const warnings = issues.length - errors;
  const name = source.file ?? 'the built-in defaults';
  terminal.out(
    `${name}: ${settings === undefined ? 'not usable' : 'good'}, ${errors} errors, ${warnings} warnings`,
  );
  return settings === undefined ? EXIT_FAILED : EXIT_OK;
}

/** `-t` of existing kernel launchers, with the wording they look for. */
export function testCommand(source: SettingsSource, terminal: Terminal): number {
  const { settings, issues } = loadSettings(source);
  printIssues(terminal, issues);
  const outcome = settings === undefined ? 'failed' : 'is successful';
  terminal.out(`configuration file ${source.file ?? ''} test ${outcome}`);
  return settings === undefined ? EXIT_FAILED : EXIT_OK;
}
