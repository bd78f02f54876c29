import type { Command } from 'commander';

type Shell = 'bash' | 'zsh' | 'fish';

type CompletionLine = { readonly path: string; readonly words: readonly string[] };

/** A completion script made from the commands themselves, so that it never lags behind them. */
export function completionScript(program: Command, shell: Shell): string {
  const lines = completionLines(program, '');
  if (shell === 'fish') return fishScript(lines);
  const cases = lines.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`).join('\n');
  const bash = `_sluice() {
  local path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o filenames -F _sluice sluice
`;
  return shell === 'bash' ? bash : `autoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function completionLines(command: Command, path: string): CompletionLine[] {
  const words = [
    ...command.commands.map((child) => child.name()),
    ...command.options.flatMap((option) => (option.long === undefined || option.hidden ? [] : [option.long])),
    '--help',
  ];
  const children = command.commands.flatMap((child) =>
    completionLines(child, path === '' ? child.name() : `${path} ${child.name()}`),
  );
  return [{ path, words }, ...children];
}

function fishScript(lines: readonly CompletionLine[]): string {
  return lines
    .flatMap(({ path, words }) => {
      const condition =
        path === ''
          ? '__fish_use_subcommand'
          : path
              .split(' ')
              .map((word) => `__fish_seen_subcommand_from ${word}`)
              .join('; and ');
      return words.map((word) =>
        word.startsWith('--')
          ? `complete -c sluice -n '${condition}' -l ${word.slice(2)}`
          : `complete -c sluice -n '${condition}' -a ${word}`,
      );
    })
    .join('\n')
    .concat('\n');
}
