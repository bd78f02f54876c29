import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SettingsSource } from './settings/load-settings.ts';

/** Options that say where settings come from, as every command takes them. */
export type SettingsOptions = {
  /** `-c`: a `sluice.yaml`. */
  readonly config?: string;
  /** `-f`: a kernel launcher's configuration file. */
  readonly file?: string;
  /** `-d`: a kernel launcher's home folder. */
  readonly directory?: string;
  readonly extCtl?: string;
  readonly extUi?: string;
  readonly secret?: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Turns command line and environment into a settings source; a kernel home without a file gets the launcher's default one. */
export function settingsSource(options: SettingsOptions, environment: Environment): SettingsSource {
  const home = options.directory ?? environment['CLASH_HOME_DIR'];
  const kernelFile = options.file ?? environment['CLASH_CONFIG_FILE'];
  const file = options.config ?? kernelFile ?? (home === undefined ? undefined : homeConfigFile(home));
  const overrides = [
    {
      path: ['control', 'listen'],
      option: '-ext-ctl',
      value: options.extCtl ?? environment['CLASH_OVERRIDE_EXTERNAL_CONTROLLER'],
    },
    {
      path: ['control', 'secret'],
      option: '-secret',
      value: options.secret ?? environment['CLASH_OVERRIDE_SECRET'],
    },
    {
      path: ['control', 'ui'],
      option: '-ext-ui',
      value: options.extUi ?? environment['CLASH_OVERRIDE_EXTERNAL_UI_DIR'],
    },
  ];
  return {
    ...(file === undefined ? {} : { file: file === '-' ? file : resolve(file) }),
    ...(home === undefined ? {} : { home }),
    overrides: overrides.flatMap(({ value, ...override }) =>
      value === undefined ? [] : [{ ...override, value }],
    ),
    environment,
  };
}

/** Launchers expect `<home>/config.yaml` to be made when it is missing. */
function homeConfigFile(home: string): string {
  const file = join(home, 'config.yaml');
  if (!existsSync(file)) {
    mkdirSync(home, { recursive: true });
    writeFileSync(file, 'mixed-port: 7890\n');
  }
  return file;
}
