import { readdir, readlink, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isFileError } from './read-table.ts';
import type { SocketRow } from './socket-table.ts';

/** The program of a process. */
export type ProcessImage = { readonly path: string; readonly name: string };

/** How many file descriptors one scan looks at. */
const MAX_DESCRIPTORS = 200_000;
/** Descriptors that are looked at together. */
const BATCH = 64;
/** Processes that lately owned a socket are looked at first: they are likely to own the next one. */
const MAX_RECENT = 32;

/** Searches the file descriptors of processes for a socket. */
export class FdScan {
  readonly #path: string;
  #recent: readonly string[] = [];

  constructor(procPath: string) {
    this.#path = procPath;
  }

  /** The process that has the socket open, `undefined` when none is found that may be looked at. */
  async ownerOf({ uid, inode }: SocketRow): Promise<ProcessImage | undefined> {
    if (!mayLookAt(uid)) return undefined;
    const link = `socket:[${inode}]`;
    let budget = MAX_DESCRIPTORS;
    for (const pid of await this.#candidates()) {
      if (budget <= 0) return undefined;
      if ((await this.#userOf(pid)) !== uid) continue;
      const folder = join(this.#path, pid, 'fd');
      const names = (await listOf(folder)).slice(0, budget);
      budget -= names.length;
      if (!(await hasLink(folder, names, link))) continue;
      this.#recent = [pid, ...this.#recent.filter((each) => each !== pid)].slice(0, MAX_RECENT);
      return this.#imageOf(pid);
    }
    return undefined;
  }

  /** Process numbers, the likely ones first, then from the newest on. */
  async #candidates(): Promise<readonly string[]> {
    const all = (await listOf(this.#path)).filter((name) => /^\d+$/.test(name));
    const alive = new Set(all);
    const recent = this.#recent.filter((pid) => alive.has(pid));
    const others = all.filter((pid) => !recent.includes(pid)).sort((a, b) => Number(b) - Number(a));
    return [...recent, ...others];
  }

  async #userOf(pid: string): Promise<number | undefined> {
    try {
      return (await stat(join(this.#path, pid))).uid;
    } catch (error) {
      if (isFileError(error)) return undefined;
      throw error;
    }
  }

  async #imageOf(pid: string): Promise<ProcessImage | undefined> {
    const target = await targetOf(join(this.#path, pid, 'exe'));
    // The kernel marks programs whose file was replaced while they ran.
    const path = target?.replace(/ \(deleted\)$/, '');
    return path === undefined ? undefined : { path, name: basename(path) };
  }
}

/** Only root can look at the descriptors of other users' processes. */
function mayLookAt(uid: number): boolean {
  const own = process.geteuid?.();
  return own === 0 || own === uid;
}

async function hasLink(folder: string, names: readonly string[], link: string): Promise<boolean> {
  for (let start = 0; start < names.length; start += BATCH) {
    const batch = names.slice(start, start + BATCH);
    const targets = await Promise.all(batch.map((name) => targetOf(join(folder, name))));
    if (targets.includes(link)) return true;
  }
  return false;
}

async function listOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isFileError(error)) return [];
    throw error;
  }
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (isFileError(error)) return undefined;
    throw error;
  }
}
