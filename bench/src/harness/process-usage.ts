import { readdirSync, readFileSync } from 'node:fs';

/** CPU time and memory of every process of one process group. */
export type GroupUsage = { readonly cpuSeconds: number; readonly rssBytes: number };

const PAGE_BYTES = 4096;

/**
 * Sums CPU time over all living threads (`schedstat`, ns) and resident memory over all processes of the group.
 * Processes and threads that ended before the call are not counted.
 */
export function groupUsage(group: number): GroupUsage {
  let cpuNs = 0;
  let pages = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || groupOf(pid) !== group) continue;
    for (const thread of listOrNothing(`/proc/${pid}/task`)) {
      cpuNs += Number(readOrNothing(`/proc/${pid}/task/${thread}/schedstat`).split(' ', 1)[0] ?? 0);
    }
    pages += Number(readOrNothing(`/proc/${pid}/statm`).split(' ')[1] ?? 0);
  }
  return { cpuSeconds: cpuNs / 1e9, rssBytes: pages * PAGE_BYTES };
}

function groupOf(pid: string): number {
  // The name in parentheses may hold spaces; what follows it is: state, parent, group.
  const stat = readOrNothing(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2] ?? -1);
}

// A process may end between being listed and being read.
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function listOrNothing(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
