// Shared by the npm scripts. Plain JavaScript for any Node >= 20, before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, with a trailing separator. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** The pinned runtime, an npm dependency. */
export const runtime = join(
  root,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

/** Environment in which the pinned runtime and the installed tools come first. */
export function toolEnvironment(extra = {}) {
  const paths = [
    join(root, 'node_modules', 'node', 'bin'),
    join(root, 'node_modules', '.bin'),
    process.env.PATH ?? '',
  ];
  return { ...process.env, ...extra, PATH: paths.join(delimiter) };
}

/** Runs a program to its end with inherited output; exits with its status when it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: toolEnvironment(),
    ...options,
  });
  if (result.error !== undefined) fail(`could not run ${program}: ${result.error.message}`);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Prints why set-up cannot go on, and ends. */
export function fail(message) {
  console.error(`sluice: ${message}`);
  process.exit(1);
}

function hashFiles(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

function listFiles(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort();
}

function isFresh(stampFile, stamp) {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
}

/** Installs the locked packages unless this exact lock file is installed already. */
export function ensureInstalled() {
  const stamp = hashFiles(['package.json', 'package-lock.json']);
  const stampFile = join(root, 'node_modules', '.sluice-installed');
  if (isFresh(stampFile, stamp) && existsSync(runtime)) return;
  console.error('Installing packages from the lock file (only needed once) …');
  // The caller may be an older Node than some tools ask for; they run under the pinned runtime, so the warning says nothing.
  run(
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    ['ci', '--loglevel=error', '--no-audit', '--no-fund'],
    {
      shell: process.platform === 'win32',
      env: process.env,
    },
  );
  if (!existsSync(runtime)) {
    fail(
      'the package "node" was installed without its runtime: allow its install script (see "allowScripts" in package.json) and run "npm ci" again',
    );
  }
  writeFileSync(stampFile, stamp);
}

/** Builds the dashboard unless the built one comes from exactly these sources. */
export function ensureDashboard() {
  const sources = [
    ...listFiles('packages/dashboard').filter(
      (file) => !/^packages\/dashboard\/(dist|node_modules|dev)\//.test(file),
    ),
    ...listFiles('packages/api/src/native').filter((file) => file.endsWith('types.ts')),
    'package-lock.json',
  ];
  const dist = join(root, 'packages', 'dashboard', 'dist');
  const stamp = hashFiles(sources);
  const stampFile = join(dist, '.built-from');
  if (isFresh(stampFile, stamp)) return;
  console.error('Building the dashboard (only when its sources changed) …');
  run(runtime, [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn'], {
    cwd: join(root, 'packages', 'dashboard'),
  });
  mkdirSync(dist, { recursive: true });
  writeFileSync(stampFile, stamp);
}

function hasProgram(name) {
  return toolEnvironment()
    .PATH.split(delimiter)
    .concat('/usr/sbin', '/sbin')
    .some(
      (folder) => folder !== '' && existsSync(join(folder, name)) && statSync(join(folder, name)).isFile(),
    );
}

/**
 * Installs Debian packages for programs that are missing, when this is Debian and we may. `packages` maps program → package.
 * Returns the programs still missing.
 */
export function ensurePrograms(packages) {
  const missing = () => Object.keys(packages).filter((program) => !hasProgram(program));
  const wanted = missing();
  if (wanted.length === 0) return [];
  const isRoot = process.getuid?.() === 0;
  const mayInstall =
    hasProgram('apt-get') &&
    (isRoot || (hasProgram('sudo') && spawnSync('sudo', ['-n', 'true']).status === 0));
  if (!mayInstall) return wanted;
  const names = [...new Set(wanted.map((program) => packages[program]))];
  console.error(`Installing Debian packages: ${names.join(' ')} …`);
  const apt = (args) => {
    const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args];
    const [program, ...rest] = isRoot ? command : ['sudo', '-n', ...command];
    return spawnSync(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  };
  if (!apt(['update']) || !apt(['install', '-y', '--no-install-recommends', ...names])) {
    console.error('apt-get failed; going on with what is there');
  }
  return missing();
}
