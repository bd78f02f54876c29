/** The groups that are members of themselves, directly or through others, or lead from one such loop to another. */
export function groupLoops(members: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const open = new Set(members.keys());
  const containers = new Map<string, string[]>();
  for (const [name, list] of members) {
    for (const member of list) {
      const known = containers.get(member);
      if (known === undefined) containers.set(member, [name]);
      else known.push(name);
    }
  }
  // What contains no open group is in no loop, and neither is what no open group contains.
  settle(open, (name) => members.get(name) ?? []);
  settle(open, (name) => containers.get(name) ?? []);
  return [...open];
}

/** Takes out, again and again, what has no neighbour left. */
function settle(open: Set<string>, neighbours: (name: string) => readonly string[]): void {
  for (let before = -1; before !== open.size; ) {
    before = open.size;
    for (const name of open) {
      if (!neighbours(name).some((neighbour) => open.has(neighbour))) open.delete(name);
    }
  }
}
