import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { GatewayError } from '@sluice/base/errors';
import type { SettingsSource } from './settings/load-settings.ts';

/** Options that say where settings come from, as every command takes them. */
export type SettingsOptions = {
  /** `-c`: a `sluice.yaml`. */
  readonly config?: string;
  /** `-f`: a kernel launcher's configuration file. */
  readonly file?: string;
  /** `-d`: a kernel launcher's home folder. */
  readonly directory?: string;
  /** `-config`: a whole kernel configuration in base64. */
  readonly configString?: string;
  /** `-m`: GeoIP rules read `GeoIP.dat` where the configuration does not say. */
  readonly geodata?: boolean;
  readonly extCtl?: string;
  readonly extCtlUnix?: string;
  readonly extCtlPipe?: string;
  readonly extUi?: string;
  readonly secret?: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

const INITIAL_CONFIG = 'mixed-port: 7890\n';

/**
 * Turns command line and environment into a settings source; a kernel home without a file means its `config.yaml`.
 * @throws GatewayError `config.base64` for a configuration string that is none
 */
export function settingsSource(options: SettingsOptions, environment: Environment): SettingsSource {
  const home = options.directory ?? environment['CLASH_HOME_DIR'];
  const encoded = options.configString ?? environment['CLASH_CONFIG_STRING'];
  const kernelFile = options.file ?? environment['CLASH_CONFIG_FILE'];
  const homeFile = home === undefined ? undefined : join(home, 'config.yaml');
  const isString = options.config === undefined && encoded !== undefined && encoded !== '';
  const file = options.config ?? (isString ? undefined : (kernelFile ?? homeFile));
  const isKernel = options.config === undefined && (isString || file !== undefined) && !isIni(file);
  const base = home ?? (isKernel ? kernelHome(environment) : undefined);
  return {
    ...(isString ? { text: decodeBase64(encoded) } : {}),
    ...(file === undefined ? {} : { file: file === '-' ? file : resolve(file) }),
    ...(isKernel ? { kernel: true } : {}),
    ...(base === undefined ? {} : { home: base }),
    ...(options.geodata === true ? { geodataMode: true } : {}),
    overrides: overridesOf(options, environment),
    environment,
  };
}

/**
 * Launchers expect the configuration file to be made when it is missing. Resolves to its path when it was.
 * @throws GatewayError `config.create`
 */
export function createMissingFile({ file, home, kernel }: SettingsSource): string | undefined {
  if (kernel !== true || file === undefined || file === '-' || existsSync(file)) return undefined;
  try {
    if (home !== undefined) mkdirSync(home, { recursive: true });
    writeFileSync(file, INITIAL_CONFIG, { flag: 'wx' });
  } catch (cause) {
    const message = `can't create file ${file}: ${(cause as Error).message}`;
    throw new GatewayError('unavailable', 'config.create', message, { cause });
  }
  return file;
}

function overridesOf(
  options: SettingsOptions,
  environment: Environment,
): NonNullable<SettingsSource['overrides']> {
  const named = (
    option: string,
    path: readonly [string, string],
    value: string | undefined,
    variable: string,
  ) => {
    const given = value ?? environment[variable] ?? '';
    return given === '' ? [] : [{ path, option, value: given }];
  };
  const { extCtl, extCtlUnix, extCtlPipe, extUi, secret } = options;
  const controller = 'CLASH_OVERRIDE_EXTERNAL_CONTROLLER';
  return [
    ...named('-ext-ctl', ['control', 'listen'], extCtl, controller),
    ...named('-ext-ctl-unix', ['route', 'external-controller-unix'], extCtlUnix, `${controller}_UNIX`),
    ...named('-ext-ctl-pipe', ['route', 'external-controller-pipe'], extCtlPipe, `${controller}_PIPE`),
    ...named('-ext-ui', ['control', 'ui'], extUi, 'CLASH_OVERRIDE_EXTERNAL_UI_DIR'),
    ...named('-secret', ['control', 'secret'], secret, 'CLASH_OVERRIDE_SECRET'),
  ];
}

/** Where kernels keep their files when they are not told; only a folder that is there counts. */
function kernelHome(environment: Environment): string | undefined {
  const { HOME = '', XDG_CONFIG_HOME = '' } = environment;
  const folders = [
    ...(HOME === '' ? [] : [join(HOME, '.config', 'mihomo')]),
    ...(XDG_CONFIG_HOME === '' ? [] : [join(XDG_CONFIG_HOME, 'mihomo')]),
  ];
  return folders.find((folder) => existsSync(folder));
}

function isIni(file: string | undefined): boolean {
  return file?.toLowerCase().endsWith('.ini') === true;
}

function decodeBase64(encoded: string): string {
  const text = encoded.trim();
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
    throw new GatewayError('invalid', 'config.base64', 'the configuration string is not base64');
  }
  return Buffer.from(text, 'base64').toString('utf8');
}
