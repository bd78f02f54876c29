import { endianness, networkInterfaces } from 'node:os';
import type { Clock } from '@sluice/base/clock';
import { FdScan } from './fd-scan.ts';
import type { ProcessInfo, ProcessLookup } from './process-lookup.ts';
import { readTable } from './read-table.ts';
import { findSocket, type SocketRow, socketKeys } from './socket-table.ts';

/** How long an answer is good: a burst of connections from one port asks once. */
const ANSWER_LIFE_MS = 1000;
const MAX_ANSWERS = 1024;
/** How long the addresses of this machine are believed. */
const ADDRESSES_LIFE_MS = 5000;
/** Scans at a time, and how many wait for their turn; more are not found. */
const MAX_SCANS = 4;
const MAX_WAITING = 256;

export type ProcFsOptions = {
  readonly clock: Clock;
  /** Where the process file system is mounted; `/proc` when left out. */
  readonly path?: string;
  /** Addresses of this machine; those of its interfaces when left out. */
  readonly ownAddresses?: () => ReadonlySet<string>;
};

type Answer = { readonly info: Promise<ProcessInfo | undefined>; readonly atMs: number };

/**
 * Finds the owner of a socket in the socket tables and file descriptors of procfs (Linux, proc(5)). Of a socket whose process
 * may not be looked at only the user is known.
 */
export class ProcFsLookup implements ProcessLookup {
  readonly #clock: Clock;
  readonly #path: string;
  readonly #ownAddresses: () => ReadonlySet<string>;
  readonly #scan: FdScan;
  readonly #answers = new Map<string, Answer>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #addresses: ReadonlySet<string> = new Set();
  #addressesUntilMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, path = '/proc', ownAddresses = interfaceAddresses }: ProcFsOptions) {
    this.#clock = clock;
    this.#path = path;
    this.#ownAddresses = ownAddresses;
    this.#scan = new FdScan(path);
  }

  find(network: 'tcp' | 'udp', sourceIp: string, sourcePort: number): Promise<ProcessInfo | undefined> {
    if (!this.#isOwn(sourceIp)) return Promise.resolve(undefined);
    const key = `${network} ${sourceIp} ${sourcePort}`;
    const nowMs = this.#clock.monotonicMs();
    const known = this.#answers.get(key);
    if (known !== undefined && nowMs - known.atMs < ANSWER_LIFE_MS) return known.info;
    const info = this.#findInTurn(network, sourceIp, sourcePort);
    this.#remember(key, { info, atMs: nowMs });
    return info;
  }

  async #findInTurn(network: 'tcp' | 'udp', ip: string, port: number): Promise<ProcessInfo | undefined> {
    if (this.#running >= MAX_SCANS) {
      if (this.#waiting.length >= MAX_WAITING) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      const row = await this.#rowOf(network, ip, port);
      if (row === undefined) return undefined;
      const owner = await this.#scan.ownerOf(row);
      return { uid: row.uid, path: owner?.path ?? '', name: owner?.name ?? '' };
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #rowOf(network: 'tcp' | 'udp', ip: string, port: number): Promise<SocketRow | undefined> {
    const keys = socketKeys(network, ip, port, endianness() === 'LE');
    const texts = new Map<string, string>();
    for (const { table, local } of keys) {
      const name = table === 'v4' ? network : `${network}6`;
      const text = texts.get(name) ?? (await readTable(this.#path, name));
      texts.set(name, text);
      const row = findSocket(text, local);
      if (row !== undefined) return row;
    }
    return undefined;
  }

  #isOwn(ip: string): boolean {
    if (ip.startsWith('127.') || ip === '::1') return true;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#addressesUntilMs) {
      this.#addresses = this.#ownAddresses();
      this.#addressesUntilMs = nowMs + ADDRESSES_LIFE_MS;
    }
    return this.#addresses.has(ip);
  }

  #remember(key: string, answer: Answer): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    if (this.#answers.size <= MAX_ANSWERS) return;
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }
}

function interfaceAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(all.map(({ address }) => address));
}
