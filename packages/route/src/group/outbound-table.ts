import { randomUUID } from 'node:crypto';
import { GatewayError } from '@sluice/base/errors';
import { DEFAULT_TEST_URL, GLOBAL_GROUP, type GroupConfig } from '../config/proxy-config.ts';
import { HealthRecord } from '../health/health-record.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { OutboundView } from '../port.ts';
import { SelectGroup } from './select.ts';

/** An outbound with its id and delay history. */
export type OutboundNode = {
  readonly id: string;
  readonly outbound: Outbound;
  readonly health: HealthRecord;
};
/** A group with its delay history. */
export type GroupNode = { readonly group: SelectGroup; readonly health: HealthRecord };

/** Where a name finally leads. */
export type Resolved = { readonly leaf: Outbound; readonly chains: readonly string[] };

const NIL_ID = '00000000-0000-0000-0000-000000000000';

/** Every outbound and group by name, as one load of the configuration made them. */
export class OutboundTable {
  readonly #outbounds = new Map<string, OutboundNode>();
  readonly #groups = new Map<string, GroupNode>();

  /**
   * @param builtIns always there; a configured outbound of the same name wins
   * @param selected remembered choices, group → member
   */
  constructor(
    builtIns: readonly Outbound[],
    outbounds: readonly Outbound[],
    groups: readonly GroupConfig[],
    selected: ReadonlyMap<string, string>,
  ) {
    for (const outbound of [...builtIns, ...outbounds]) {
      const id = outbound.type === 'Pass' ? NIL_ID : randomUUID();
      this.#outbounds.set(outbound.name, { id, outbound, health: new HealthRecord() });
    }
    const all = groups.some(({ name }) => name === GLOBAL_GROUP)
      ? groups
      : [...groups, globalGroup(outbounds, groups)];
    for (const config of all) {
      const group = new SelectGroup(config, selected.get(config.name));
      this.#groups.set(config.name, { group, health: new HealthRecord() });
    }
  }

  has(name: string): boolean {
    return this.#outbounds.has(name) || this.#groups.has(name);
  }

  group(name: string): GroupNode | undefined {
    return this.#groups.get(name);
  }

  health(name: string): HealthRecord | undefined {
    return this.#groups.get(name)?.health ?? this.#outbounds.get(name)?.health;
  }

  /** Follows the current members from a name to an outbound; `undefined` for unknown names and for loops. */
  resolve(name: string): Resolved | undefined {
    const path: string[] = [];
    for (let current = name; !path.includes(current); ) {
      path.unshift(current);
      const group = this.#groups.get(current)?.group;
      if (group !== undefined) {
        current = group.now;
        continue;
      }
      const leaf = this.#outbounds.get(current)?.outbound;
      return leaf === undefined ? undefined : { leaf, chains: path };
    }
    return undefined;
  }

  /**
   * The outbound that a `dialer-proxy` names at present.
   * @throws GatewayError `route.outbound-not-found`, or `route.dialer-loop` when it would be carried by itself
   */
  resolveDialer(name: string): Outbound {
    const first = this.resolve(name)?.leaf;
    if (first === undefined) {
      throw new GatewayError('not-found', 'route.outbound-not-found', `proxyName[${name}] not found`);
    }
    const seen = new Set<Outbound>();
    for (let carrier: Outbound | undefined = first; carrier !== undefined; ) {
      if (seen.has(carrier))
        throw new GatewayError('conflict', 'route.dialer-loop', `dialer-proxy ${name} is a loop`);
      seen.add(carrier);
      carrier = carrier.dialerProxy === '' ? undefined : this.resolve(carrier.dialerProxy)?.leaf;
    }
    return first;
  }

  /** Whether a name carries UDP at present: its outbound does, and no group on the way forbids it. */
  carriesUdp({ leaf, chains }: Resolved): boolean {
    return leaf.udp && !chains.some((name) => this.#groups.get(name)?.group.config.disableUdp === true);
  }

  /** Names in the control API's order: built-ins, configured outbounds, groups in file order. */
  names(): readonly string[] {
    return [...this.#outbounds.keys(), ...this.#groups.keys()];
  }

  view(name: string): OutboundView | undefined {
    const group = this.#groups.get(name);
    if (group !== undefined) return this.#groupView(group);
    const node = this.#outbounds.get(name);
    if (node === undefined) return undefined;
    const { outbound, health, id } = node;
    return {
      id,
      name: outbound.name,
      type: outbound.type,
      udp: outbound.udp,
      interfaceName: outbound.interfaceName,
      dialerProxy: outbound.dialerProxy,
      ...health.view(),
    };
  }

  #groupView({ group, health }: GroupNode): OutboundView {
    const { config } = group;
    const resolved = this.resolve(config.name);
    return {
      id: '',
      name: config.name,
      type: 'Selector',
      udp: resolved !== undefined && this.carriesUdp(resolved),
      interfaceName: config.interfaceName,
      dialerProxy: '',
      ...health.view(),
      group: {
        all: config.members,
        now: group.now,
        testUrl: config.testUrl,
        expectedStatus: config.expectedStatus,
        hidden: config.hidden,
        icon: config.icon,
      },
    };
  }
}

function globalGroup(outbounds: readonly Outbound[], groups: readonly GroupConfig[]): GroupConfig {
  const members = [
    'DIRECT',
    'REJECT',
    ...outbounds.map(({ name }) => name),
    ...groups.map(({ name }) => name),
  ];
  return {
    name: GLOBAL_GROUP,
    type: 'select',
    members: [...new Set(members)],
    testUrl: DEFAULT_TEST_URL,
    intervalSeconds: 0,
    timeoutMs: 5_000,
    expectedStatus: '*',
    disableUdp: false,
    hidden: false,
    icon: '',
    interfaceName: '',
    defaultSelected: '',
  };
}
