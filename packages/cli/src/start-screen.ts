/** What a newcomer needs to know first: label, then value. */
export type StartLine = { readonly label: string; readonly value: string; readonly note?: string };

const BOLD = '\u001b[1m';
const DIM = '\u001b[2m';
const RESET = '\u001b[0m';

/** One screen of addresses; plain text when colour is off. */
export function startScreen(
  description: { readonly title: string; readonly lines: readonly StartLine[] },
  colour: boolean,
): string {
  const paint = (code: string, text: string): string => (colour ? `${code}${text}${RESET}` : text);
  const width = Math.max(...description.lines.map((line) => line.label.length));
  const rows = description.lines.map(
    ({ label, value, note }) =>
      `  ${label.padEnd(width)}   ${value}${note === undefined ? '' : paint(DIM, `   ${note}`)}`,
  );
  return ['', `  ${paint(BOLD, description.title)}`, '', ...rows, ''].join('\n');
}
