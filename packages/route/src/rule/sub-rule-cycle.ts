/** How many lists can be passed through one after the other. */
const MAX_CHAIN = 256;

/**
 * Looks for lists that lead back to themselves, or through too many others.
 * @param leads list → the lists it leads to
 * @returns what is wrong, for example `circular references [a->b->a]`
 */
export function findSubRuleCycle(leads: ReadonlyMap<string, readonly string[]>): string | undefined {
  const chains = new Map<string, number>();
  try {
    for (const name of leads.keys()) follow(name, leads, chains, []);
    return undefined;
  } catch (error) {
    if (error instanceof BadChain) return error.message;
    throw error;
  }
}

class BadChain extends Error {}

/** The number of lists in the longest chain from `name` on; `chains` holds those that are known. */
function follow(
  name: string,
  leads: ReadonlyMap<string, readonly string[]>,
  chains: Map<string, number>,
  path: readonly string[],
): number {
  const known = chains.get(name);
  if (known !== undefined) return known;
  const here = [...path, name];
  if (path.includes(name)) throw new BadChain(`circular references [${here.join('->')}]`);
  let longest = 0;
  if (path.length < MAX_CHAIN) {
    for (const next of new Set(leads.get(name))) {
      longest = Math.max(longest, follow(next, leads, chains, here));
    }
  }
  if (path.length >= MAX_CHAIN || longest >= MAX_CHAIN) {
    throw new BadChain(`more than ${MAX_CHAIN} lists in a row behind [${here[0]}]`);
  }
  chains.set(name, longest + 1);
  return longest + 1;
}
