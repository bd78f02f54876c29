import { GatewayError } from '@sluice/base/errors';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { HostTable } from '../config/host-table.ts';
import type { OutboundTable, Resolved } from '../group/outbound-table.ts';
import { firstAddress, type Resolver } from '../net/system-resolver.ts';
import type { RouteMode } from '../port.ts';
import type { RuleSet } from '../rule/rule-set.ts';
import type { Decision } from './decision.ts';
import { randomOf } from './destination.ts';

/** One load of the configuration, as far as decisions depend on it; replaced whole on reload. */
export type RoutingTables = {
  readonly outbounds: OutboundTable;
  readonly rules: RuleSet;
  readonly hosts: HostTable;
};

/** Chooses the way of a flow by its creator's wish, the mode or the rules. */
export class Router {
  readonly #resolver: Resolver;
  readonly #nowMs: () => number;

  constructor(resolver: Resolver, nowMs: () => number) {
    this.#resolver = resolver;
    this.#nowMs = nowMs;
  }

  /** Fills in `destinationIp` when a rule needed it. @throws GatewayError `route.outbound-not-found` */
  async decide(metadata: FlowMetadata, mode: RouteMode, tables: RoutingTables): Promise<Decision> {
    if (metadata.specialProxy !== '') return named(metadata.specialProxy, 'special', tables.outbounds);
    if (mode === 'direct') return named('DIRECT', 'direct', tables.outbounds);
    if (mode === 'global') return named('GLOBAL', 'global', tables.outbounds);
    return this.#byRule(metadata, tables);
  }

  async #byRule(metadata: FlowMetadata, { outbounds, rules, hosts }: RoutingTables): Promise<Decision> {
    const mapped = metadata.host === '' ? undefined : randomOf(hosts.lookupIps(metadata.host));
    if (mapped !== undefined) metadata.destinationIp = mapped;
    const accepts = (target: string) => accepted(outbounds.resolve(target), metadata, outbounds);
    let match = rules.match(metadata, accepts);
    if (match.kind === 'needs-ip') {
      metadata.destinationIp = await this.#addressOf(metadata.host);
      match = rules.match(metadata, accepts, match.resumeAt);
    }
    if (match.kind !== 'matched') return named('DIRECT', 'no-rule', outbounds);
    rules.recordHit(match.rule.index, this.#nowMs());
    return { ...named(match.rule.target, 'rule', outbounds), rule: match.rule };
  }

  /** A name that cannot be resolved only keeps IP rules from matching. */
  async #addressOf(host: string): Promise<string> {
    try {
      return firstAddress(await this.#resolver.resolve(host));
    } catch (error) {
      if (error instanceof GatewayError) return '';
      throw error;
    }
  }
}

function accepted(resolved: Resolved | undefined, metadata: FlowMetadata, outbounds: OutboundTable): boolean {
  if (resolved === undefined || resolved.leaf.type === 'Pass') return false;
  return metadata.network === 'tcp' || outbounds.carriesUdp(resolved);
}

function named(name: string, why: Decision['why'], outbounds: OutboundTable): Decision {
  const resolved = outbounds.resolve(name);
  if (resolved === undefined) {
    throw new GatewayError('not-found', 'route.outbound-not-found', `proxy ${name} not found`);
  }
  return { selected: name, dialed: () => undefined, providerChains: [], ...resolved, rule: undefined, why };
}
