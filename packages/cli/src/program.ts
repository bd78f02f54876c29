import { Command, CommanderError, Option } from 'commander';
import type { ExplainOptions } from './commands/explain.ts';
import { EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import { normalizeArguments } from './launch-arguments.ts';
import { createMissingFile, type SettingsOptions, settingsSource } from './settings-source.ts';
import type { Terminal } from './terminal.ts';
import { KERNEL_API_VERSION, VERSION } from './version.ts';

// Commands are imported when they run: --help and version must not load the whole gateway.

const CA_FORMATS = ['pem', 'der', 'p12'] as const;
const NETWORKS = ['tcp', 'udp'] as const;
const SHELLS = ['bash', 'zsh', 'fish'] as const;

type RunOptions = SettingsOptions & { readonly test?: boolean; readonly versionLine?: boolean };

function versionText(): string {
  return `Sluice ${VERSION} (control API ${KERNEL_API_VERSION}; node ${process.versions.node}, openssl ${process.versions.openssl}) ${process.platform}/${process.arch}`;
}

/** Runs one command line (without the program's own name) and resolves with the exit code. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = EXIT_OK;
  const finish = async (result: number | Promise<number>): Promise<void> => {
    exitCode = await result;
  };
  const program = new Command('sluice')
    .description(
      'One gateway for everything that flows: routes connections by rule, inspects and rewrites HTTP(S), receives, records and serves live media.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .showHelpAfterError('(sluice --help lists the commands)')
    .addHelpText(
      'after',
      '\nWithout a command the gateway runs. Without a file it runs on loopback with defaults.',
    );
  const withConfig = (command: Command): Command =>
    command.option('-c, --config <file>', 'the sluice.yaml to use; without it the defaults apply');
  const source = (options: SettingsOptions) => settingsSource(options, process.env);

  withConfig(program.command('run', { isDefault: true }).description('run the gateway (the default command)'))
    .option(
      '-f, --file <file>',
      'a kernel configuration file or config.ini, as it stands ("-" reads standard input)',
    )
    .option('-d, --directory <folder>', 'home folder; its config.yaml is used when no file is named')
    .option('-t, --test', 'test the configuration and exit')
    .option('-v, --version-line', 'print the version and exit')
    .option('--config-string <base64>', 'a whole kernel configuration in base64 (also -config)')
    .option('-m, --geodata', 'GEOIP rules read GeoIP.dat where the configuration does not say')
    .option('--ext-ctl <address>', 'listen address of the control API (also -ext-ctl)')
    .option('--ext-ctl-unix <path>', 'Unix socket of the control API (also -ext-ctl-unix)')
    .option('--ext-ctl-pipe <path>', 'named pipe of the control API (also -ext-ctl-pipe)')
    .option('--ext-ui <folder>', 'folder served at /ui (also -ext-ui)')
    .option('--secret <secret>', 'secret of the control API (also -secret)')
    .action(async (options: RunOptions) => {
      if (options.versionLine === true) {
        terminal.out(versionText());
        return;
      }
      const settings = source(options);
      const created = createMissingFile(settings);
      if (created !== undefined)
        terminal.err(`Can't find config, create a initial config file: ${created} with mixed-port 7890`);
      if (options.test === true)
        await finish((await import('./commands/check.ts')).testCommand(settings, terminal));
      else await finish((await import('./commands/run.ts')).runCommand(settings, terminal));
    });

  withConfig(program.command('check').description('check the configuration and report every finding'))
    .option('-f, --file <file>', 'a kernel configuration file or config.ini')
    .action(async (options: SettingsOptions) =>
      finish((await import('./commands/check.ts')).checkCommand(source(options), terminal)),
    );

  withConfig(
    program
      .command('explain')
      .description('ask the running gateway what it would do with a connection, step by step')
      .argument('<target>', 'a URL, host:port, or a host (port 443)'),
  )
    .option('-f, --file <file>', 'a kernel configuration file, to find the gateway by')
    .option('--from <ip>', 'address of the client; 127.0.0.1 without it')
    .addOption(new Option('--network <network>', 'what the client sends').choices(NETWORKS))
    .option('--inbound <name>', 'name of the listener the client uses')
    .option('--user <name>', 'name with which the client logged in')
    .option('--process <name>', 'name of the client program')
    .option(
      '--control <url>',
      'where the gateway is controlled; http://127.0.0.1:9090 without a configuration',
    )
    .option('-s, --secret <secret>', 'secret of the control API')
    .option('--json', 'print the answer as JSON', false)
    .addHelpText('after', '\nExample: sluice explain https://example.com/ --from 192.168.1.7')
    .action(async (target: string, { secret, ...options }: SettingsOptions & ExplainOptions) =>
      finish(
        (await import('./commands/explain.ts')).explainCommand(
          target,
          { ...options, ...(secret === undefined ? {} : { secret }) },
          source(options),
          terminal,
        ),
      ),
    );

  program
    .command('demo')
    .description(
      'run with a local web site, a generated live stream and a trickle of requests, to look around',
    )
    .option('--data-dir <folder>', 'keep the data there instead of in a temporary folder')
    .action(async (options: { readonly dataDir?: string }) =>
      finish((await import('./commands/demo.ts')).demoCommand(options, terminal)),
    );

  program
    .command('schema')
    .description('print the JSON Schema of sluice.yaml, for editors')
    .action(async () => terminal.out((await import('./commands/schema.ts')).schemaText()));

  program
    .command('version')
    .description('print the version')
    .action(() => terminal.out(versionText()));

  const ca = program.command('ca').description('the local certificate authority of the inspect plane');
  withConfig(ca.command('path').description('print the path of its certificate')).action(
    async (options: SettingsOptions) =>
      finish((await import('./commands/ca.ts')).caPathCommand(source(options), terminal)),
  );
  withConfig(ca.command('export').description('write its certificate, to trust on a device'))
    .option('--out <file>', 'the file to write; standard output without it')
    .addOption(new Option('--format <format>', 'form of the certificate').choices(CA_FORMATS).default('pem'))
    .action(
      async (
        options: SettingsOptions & { readonly out?: string; readonly format: (typeof CA_FORMATS)[number] },
      ) => finish((await import('./commands/ca.ts')).caExportCommand(source(options), options, terminal)),
    );
  withConfig(
    ca.command('regenerate').description('replace it by a new one; every device must trust the new one'),
  )
    .option('--yes', 'do it without asking', false)
    .action(async (options: SettingsOptions & { readonly yes: boolean }) =>
      finish((await import('./commands/ca.ts')).caRegenerateCommand(source(options), options, terminal)),
    );

  program
    .command('completion')
    .description('print a completion script: eval "$(sluice completion bash)"')
    .argument('<shell>', SHELLS.join(', '))
    .action(async (shell: string) => {
      if (!(SHELLS as readonly string[]).includes(shell))
        program.error(`error: unknown shell '${shell}'; expected one of ${SHELLS.join(', ')}`, {
          exitCode: EXIT_USAGE,
        });
      const { completionScript } = await import('./commands/completion.ts');
      terminal.out(completionScript(program, shell as (typeof SHELLS)[number]));
    });

  try {
    await program.parseAsync(normalizeArguments(argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
  return exitCode;
}
