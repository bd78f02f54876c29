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
    const hosts = this.#hosts();
    const found = hosts.find(name);
    if (found?.kind === 'alias') return { kind: 'alias', name: hosts.lookupAlias(name) ?? found.name };
    return found ?? this.#fromSystem(name);
  }

  /** As `find`, but when an alias has addresses here, those. */
  follow(name: string): HostValue | undefined {
    const found = this.find(name);
    if (found?.kind !== 'alias') return found;
    return this.#hosts().find(found.name) ?? this.#fromSystem(found.name) ?? found;
  }

  #fromSystem(name: string): HostValue | undefined {
    const ips = this.#system?.lookupIps(name);
    return ips === undefined ? undefined : { kind: 'ips', ips };
  }
}
