/** How many lists can be passed through one after the other, and how many in all ways from one list. */
const MAX_CHAIN = 256;
const MAX_VISITS = 100_000;

/** What lies behind a list: the lists in the longest chain, and in all chains, each counted as often as it is led to. */
type Reach = { readonly chain: number; readonly visits: number };

/**
 * Looks for lists that lead back to themselves, or to more lists than a match could look at.
 * @param leads list → the lists it leads to, as often as it does
 * @returns what is wrong, for example `circular references [a->b->a]`
 */
export function findSubRuleCycle(leads: ReadonlyMap<string, readonly string[]>): string | undefined {
  const known = new Map<string, Reach>();
  try {
    for (const name of leads.keys()) follow(name, leads, known, []);
    return undefined;
  } catch (error) {
    if (error instanceof BadList) return error.message;
    throw error;
  }
}

class BadList extends Error {}

function follow(
  name: string,
  leads: ReadonlyMap<string, readonly string[]>,
  known: Map<string, Reach>,
  path: readonly string[],
): Reach {
  const reached = known.get(name);
  if (reached !== undefined) return reached;
  const here = [...path, name];
  if (path.includes(name)) throw new BadList(`circular references [${here.join('->')}]`);
  if (path.length >= MAX_CHAIN) throw new BadList(tooMany(here[0] ?? name));
  let chain = 0;
  let visits = 0;
  for (const next of leads.get(name) ?? []) {
    const behind = follow(next, leads, known, here);
    chain = Math.max(chain, behind.chain);
    visits += behind.visits;
  }
  if (chain >= MAX_CHAIN || visits >= MAX_VISITS) throw new BadList(tooMany(name));
  const reach = { chain: chain + 1, visits: visits + 1 };
  known.set(name, reach);
  return reach;
}

function tooMany(name: string): string {
  return `[${name}] leads through more than ${MAX_CHAIN} lists in a row or ${MAX_VISITS} in all`;
}
