/** Options of existing kernel launchers, written with one dash and a whole word. */
const LONG_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['ext-ctl', '--ext-ctl'],
  ['ext-ctl-unix', '--ext-ctl-unix'],
  ['ext-ctl-pipe', '--ext-ctl-pipe'],
  ['ext-ui', '--ext-ui'],
  ['secret', '--secret'],
  // With one dash it is a whole configuration in base64, with two our own option.
  ['config', '--config-string'],
  ['help', '--help'],
  ['version', '--version'],
]);

/** Rewrites launcher spellings (`-ext-ctl ADDR`, `-ext-ctl=ADDR`) to the two-dash form; everything after `--` stays. */
export function normalizeArguments(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const head = end < 0 ? argv : argv.slice(0, end);
  const rewritten = head.map((argument) => {
    const [, name = '', value = ''] = /^-([a-z][a-z-]+)(=.*)?$/s.exec(argument) ?? [];
    const option = LONG_OPTIONS.get(name);
    return option === undefined ? argument : option + value;
  });
  return end < 0 ? rewritten : [...rewritten, ...argv.slice(end)];
}
