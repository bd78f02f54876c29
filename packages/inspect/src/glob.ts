/** Tests names against a pattern in which `*` stands for any run of characters, dots included. */
export function compileGlob(glob: string): (name: string) => boolean {
  const parts = glob.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  const middle = parts.slice(1, -1);
  if (parts.length === 1) return (name) => name === glob;
  // The fixed parts are looked for from left to right, which needs no backtracking.
  return (name) => {
    const end = name.length - last.length;
    if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    let at = first.length;
    for (const part of middle) {
      const found = name.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
