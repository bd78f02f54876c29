import type { HostTable, HostValue } from '../../config/host-table.ts';
import type { SystemHosts } from './system-hosts.ts';

/** What is known about names without asking anybody: `hosts`, then the system's hosts file. */
export class HostLookup {
  readonly #hosts: () => HostTable;
  readonly #system: SystemHosts | undefined;

  /** Without `system` only the configuration's hosts count. */
  constructor(hosts: () => HostTable, system: SystemHosts | undefined) {
    this.#hosts = hosts;
    this.#system = system;
  }

  /** The addresses of a lower-case name, or the name it finally stands for. */
  find(name: string): HostValue | undefined {
    const hosts = this.#hosts();
    const alias = hosts.lookupAlias(name);
    if (alias !== undefined) return { kind: 'alias', name: alias };
    const ips = hosts.lookupIps(name) ?? this.#system?.lookupIps(name);
    return ips === undefined ? undefined : { kind: 'ips', ips };
  }
}
