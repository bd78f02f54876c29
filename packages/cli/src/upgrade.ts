import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errorText, GatewayError } from '@sluice/base/errors';

/** What an upgrade is asked for. */
export type UpgradeRequest = {
  /** Absent stays with the channel of what is installed. */
  readonly channel: 'release' | 'alpha' | undefined;
  /** Install again even when it is the same version. */
  readonly force: boolean;
};

/** Where the running copy is installed and how npm is called. */
export type Installation = {
  /** Folder with our `package.json`. */
  readonly root: string;
  /** The npm program. */
  readonly npm: string;
};

const VIEW_LIMIT_MS = 30_000;
const INSTALL_LIMIT_MS = 10 * 60_000;
const OUTPUT_LIMIT_BYTES = 4 << 20;

const run = promisify(execFile);

/**
 * Installs the latest published version in place of the running one, through npm and the registry that it is configured
 * for. The process must be started again afterwards.
 * @throws GatewayError `upgrade.failed` with the control API's texts: `update error: already using latest version …`,
 * `get latest version: …`, `downloading: …`
 */
export async function upgradeInstallation(
  { channel, force }: UpgradeRequest,
  { root, npm }: Installation,
): Promise<{ readonly from: string; readonly to: string }> {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
  };
  const place = installedIn(root);
  if (place === undefined) {
    throw failed(
      `update error: already using latest version ${version} (this copy is not installed by npm: update its folder instead)`,
    );
  }
  const tag = channel === 'alpha' || (channel === undefined && version.includes('-')) ? 'alpha' : 'latest';
  const latest = await latestVersion(npm, `${name}@${tag}`);
  if (latest === version && !force) {
    throw failed(`update error: already using latest version ${version}`);
  }
  const flags = place.isGlobal ? ['--global'] : ['--no-save'];
  try {
    await run(
      npm,
      ['install', ...flags, '--no-audit', '--no-fund', '--prefix', place.prefix, `${name}@${latest}`],
      { timeout: INSTALL_LIMIT_MS, maxBuffer: OUTPUT_LIMIT_BYTES },
    );
  } catch (error) {
    throw failed(`downloading: ${firstLine(error)}`, error);
  }
  return { from: version, to: latest };
}

async function latestVersion(npm: string, wanted: string): Promise<string> {
  try {
    const { stdout } = await run(npm, ['view', wanted, 'version'], {
      timeout: VIEW_LIMIT_MS,
      maxBuffer: OUTPUT_LIMIT_BYTES,
    });
    const version = stdout.trim();
    if (!/^\d+\.\d+\.\d+[-+.\w]*$/.test(version)) throw new Error(`no version of ${wanted} is published`);
    return version;
  } catch (error) {
    throw failed(`get latest version: ${firstLine(error)}`, error);
  }
}

/** The npm prefix that a package folder belongs to; `undefined` when it is not inside a `node_modules`. */
function installedIn(root: string): { readonly prefix: string; readonly isGlobal: boolean } | undefined {
  const modules = dirname(root);
  if (basename(modules) !== 'node_modules') return undefined;
  const above = dirname(modules);
  // Global packages of npm are in <prefix>/lib/node_modules, without a package.json above.
  const isGlobal = basename(above) === 'lib' && !existsSync(join(above, 'package.json'));
  return { prefix: isGlobal ? dirname(above) : above, isGlobal };
}

function firstLine(error: unknown): string {
  const { stderr } = error as { readonly stderr?: unknown };
  const text = typeof stderr === 'string' && stderr.trim() !== '' ? stderr.trim() : errorText(error);
  return text.split('\n')[0] ?? '';
}

function failed(message: string, cause?: unknown): GatewayError {
  return new GatewayError('unavailable', 'upgrade.failed', message, { cause });
}
