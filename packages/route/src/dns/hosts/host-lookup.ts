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

  /** The name that a lower-case name finally stands for, or its addresses when it is no alias. */
  find(name: string): HostValue | undefined {
    const alias = this.#hosts().lookupAlias(name);
    return alias === undefined ? this.#ipsOf(name) : { kind: 'alias', name: alias };
  }

  /** As `find`, but when an alias has addresses here, those. */
  follow(name: string): HostValue | undefined {
    const found = this.find(name);
    return found?.kind === 'alias' ? (this.#ipsOf(found.name) ?? found) : found;
  }

  #ipsOf(name: string): HostValue | undefined {
    const ips = this.#hosts().lookupIps(name) ?? this.#system?.lookupIps(name);
    return ips === undefined ? undefined : { kind: 'ips', ips };
  }
}
