import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCa, regenerateCa } from '@sluice/inspect/tls/authority';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.ts';
import { loadSettings, type SettingsSource } from '../settings/load-settings.ts';
import { printIssues, type Terminal } from '../terminal.ts';

type CaFormat = 'pem' | 'der' | 'p12';

function caDirectory(source: SettingsSource, terminal: Terminal): string | undefined {
  const { settings, issues } = loadSettings(source);
  if (settings === undefined) printIssues(terminal, issues);
  return settings === undefined ? undefined : join(settings['data-dir'], 'ca');
}

/** `sluice ca path`: the file to give to clients; made now if this is the first use. */
export async function caPathCommand(source: SettingsSource, terminal: Terminal): Promise<number> {
  const directory = caDirectory(source, terminal);
  if (directory === undefined) return EXIT_FAILED;
  terminal.out((await openCa(directory)).view.path);
  return EXIT_OK;
}

/** `sluice ca export`: the certificate (never its key) to a file or to standard output. */
export async function caExportCommand(
  source: SettingsSource,
  options: { readonly out?: string; readonly format: CaFormat },
  terminal: Terminal,
): Promise<number> {
  const directory = caDirectory(source, terminal);
  if (directory === undefined) return EXIT_FAILED;
  const certificate = await (await openCa(directory)).export(options.format);
  if (options.out === undefined || options.out === '-') process.stdout.write(certificate);
  else {
    writeFileSync(options.out, certificate);
    terminal.err(`wrote ${options.out} (${options.format}, ${certificate.length} bytes)`);
  }
  return EXIT_OK;
}

/** `sluice ca regenerate`: a new authority; every device must trust it anew, so it asks for `--yes`. */
export async function caRegenerateCommand(
  source: SettingsSource,
  options: { readonly yes: boolean },
  terminal: Terminal,
): Promise<number> {
  const directory = caDirectory(source, terminal);
  if (directory === undefined) return EXIT_FAILED;
  if (!options.yes) {
    terminal.err(
      `This replaces the certificate authority in ${directory}. Every device that trusts it must be set up again.`,
    );
    terminal.err('Copies of the old files are kept beside the new ones. Repeat with --yes to go on.');
    return EXIT_FAILED;
  }
  const stamp = new Date().toISOString().replaceAll(':', '-');
  for (const name of ['ca.key', 'ca.pem']) {
    const file = join(directory, name);
    if (existsSync(file)) copyFileSync(file, `${file}.${stamp}`);
  }
  const authority = await regenerateCa(directory);
  terminal.out(`${authority.view.path}\nSHA-256 ${authority.view.sha256}`);
  return EXIT_OK;
}
