import { isIP } from 'node:net';
import type { HostTable } from '../../config/host-table.ts';
import type { ResolvedHost, Resolver } from '../../net/system-resolver.ts';

/** Answers from the configuration's hosts, and asks another resolver for everything else. */
export class HostsFirstResolver implements Resolver {
  readonly #hosts: () => HostTable;
  readonly #next: Resolver;

  constructor(hosts: () => HostTable, next: Resolver) {
    this.#hosts = hosts;
    this.#next = next;
  }

  resolve(host: string): Promise<ResolvedHost> {
    const hosts = this.#hosts();
    const name = host.toLowerCase();
    const ips = hosts.lookupIps(name);
    if (ips === undefined) return this.#next.resolve(hosts.lookupAlias(name) ?? host);
    return Promise.resolve({
      ipv4: ips.filter((ip) => isIP(ip) === 4),
      ipv6: ips.filter((ip) => isIP(ip) === 6),
    });
  }
}
