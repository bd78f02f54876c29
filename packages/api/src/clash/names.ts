/** Finds by a name as decoded once, then, as the reference does, decoded twice. */
export function findNamed<T>(name: string, find: (name: string) => T | undefined): T | undefined {
  const once = find(name);
  if (once !== undefined || !name.includes('%')) return once;
  let twice: string;
  try {
    twice = decodeURIComponent(name);
  } catch (error) {
    // A name such as `50% off` has no second decoding.
    if (error instanceof URIError) return undefined;
    throw error;
  }
  return find(twice);
}
