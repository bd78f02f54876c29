/** Options of existing kernel launchers, written with one dash and a whole word. */
const LONG_OPTIONS = ['ext-ctl', 'ext-ui', 'secret', 'config', 'help', 'version'] as const;

/** Rewrites launcher spellings (`-ext-ctl ADDR`, `-ext-ctl=ADDR`) to the two-dash form; everything after `--` stays. */
export function normalizeArguments(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const head = end < 0 ? argv : argv.slice(0, end);
  const rewritten = head.map((argument) => {
    const name = /^-([a-z][a-z-]+)(?:=.*)?$/.exec(argument)?.[1];
    return name !== undefined && (LONG_OPTIONS as readonly string[]).includes(name)
      ? `-${argument}`
      : argument;
  });
  return end < 0 ? rewritten : [...rewritten, ...argv.slice(end)];
}
