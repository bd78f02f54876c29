import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { unmapIp } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';

const DEFAULT_PATH = '/etc/hosts';
const CHECK_PERIOD_MS = 5_000;
const MAX_FILE_BYTES = 32 * 1024 * 1024;

type HostsFile = { readonly version: string; readonly ips: ReadonlyMap<string, readonly string[]> };
const NOTHING: HostsFile = { version: '', ips: new Map() };

/** The operating system's hosts file, looked at again at most every five seconds. */
export class SystemHosts {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #path: string;
  #file = NOTHING;
  #checkAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: Logger, path = DEFAULT_PATH) {
    this.#clock = clock;
    this.#log = log;
    this.#path = path;
  }

  /** The addresses of a lower-case name, in file order. */
  lookupIps(name: string): readonly string[] | undefined {
    const now = this.#clock.monotonicMs();
    if (now >= this.#checkAtMs) {
      this.#checkAtMs = now + CHECK_PERIOD_MS;
      this.#refresh();
    }
    return this.#file.ips.get(name);
  }

  #refresh(): void {
    try {
      const { mtimeMs, size } = statSync(this.#path);
      const version = `${mtimeMs}/${size}`;
      if (version === this.#file.version) return;
      this.#file = { version, ips: size > MAX_FILE_BYTES ? new Map() : parseHosts(this.#path) };
      if (size > MAX_FILE_BYTES) this.#log.warning(`${this.#path} is larger than 32 MiB and not used`);
    } catch (error) {
      // The last known content would point to machines that may have moved.
      if (this.#file !== NOTHING) this.#log.warning(`cannot read ${this.#path}: ${errorText(error)}`);
      this.#file = NOTHING;
    }
  }
}

/** Lines of `address name…`, `#` starts a comment (hosts(5)). */
function parseHosts(path: string): ReadonlyMap<string, readonly string[]> {
  const table = new Map<string, string[]>();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const hash = line.indexOf('#');
    const fields = (hash < 0 ? line : line.slice(0, hash)).trim().split(/\s+/);
    const ip = unmapIp(fields[0] ?? '');
    if (isIP(ip) === 0) continue;
    for (const field of fields.slice(1)) {
      const name = field.toLowerCase().replace(/\.$/, '');
      const ips = table.get(name);
      if (ips === undefined) table.set(name, [ip]);
      else if (!ips.includes(ip)) ips.push(ip);
    }
  }
  return table;
}

/** Whether the environment forbids the use of the system's hosts file. */
export function systemHostsAreDisabled(environment: NodeJS.ProcessEnv): boolean {
  return /^(1|t|true)$/i.test(environment['DISABLE_SYSTEM_HOSTS'] ?? '');
}
