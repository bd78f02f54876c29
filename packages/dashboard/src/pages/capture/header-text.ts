/** One `name: value` per line; lines without a colon are left out. */
export function parseHeaderText(text: string): Record<string, string> {
  const lines = text.split('\n').flatMap((line) => {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim();
    return colon <= 0 || name === '' ? [] : [[name, line.slice(colon + 1).trim()] as const];
  });
  return Object.fromEntries(lines);
}

export function formatHeaderText(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}
