import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock } from '@sluice/base/clock';

const RESOLV_CONF = '/etc/resolv.conf';
const REREAD_MS = 300_000;
const MAX_SERVERS = 16;
/** Asked when the system names no server. */
const FALLBACK_SERVERS = ['114.114.114.114', '8.8.8.8'];

/** The addresses of the operating system's DNS servers, read anew when the last reading is older than five minutes. */
export class SystemServers {
  readonly #clock: Clock;
  readonly #path: string;
  #servers: Promise<readonly string[]> | undefined;
  #readAtMs = 0;

  constructor(clock: Clock, path = RESOLV_CONF) {
    this.#clock = clock;
    this.#path = path;
  }

  /** Never empty. */
  current(): Promise<readonly string[]> {
    const now = this.#clock.monotonicMs();
    if (this.#servers === undefined || now - this.#readAtMs > REREAD_MS) {
      this.#readAtMs = now;
      this.#servers = readServers(this.#path);
    }
    return this.#servers;
  }
}

async function readServers(path: string): Promise<readonly string[]> {
  let text = '';
  try {
    text = await readFile(path, 'utf8');
  } catch {
    // Without the file the fallback servers are asked.
    return FALLBACK_SERVERS;
  }
  const servers = parseResolvConf(text);
  return servers.length === 0 ? FALLBACK_SERVERS : servers;
}

/** The addresses of the `nameserver` lines of a resolv.conf(5), zones kept. */
export function parseResolvConf(text: string): readonly string[] {
  const servers = text
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? '')
    .filter((address) => isIP(address) !== 0);
  return [...new Set(servers)].slice(0, MAX_SERVERS);
}
