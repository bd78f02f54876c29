import { GatewayError } from '@sluice/base/errors';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { HostTable } from '../config/host-table.ts';
import type { OutboundTable } from '../group/outbound-table.ts';
import { firstAddress, type Resolver } from '../net/system-resolver.ts';
import type { FindProcessMode, RouteMode } from '../port.ts';
import type { ProcessLookup } from '../process/process-lookup.ts';
import type { AcceptTarget } from '../rule/rule-list.ts';
import type { MatchResume, RuleMatch } from '../rule/rule-match.ts';
import type { RuleSet } from '../rule/rule-set.ts';
import type { TemporaryRules } from '../rule/temporary-rules.ts';
import type { Decision } from './decision.ts';
import { randomOf } from './destination.ts';

/** One load of the configuration, as far as decisions depend on it; replaced whole on reload. */
export type RoutingTables = {
  readonly outbounds: OutboundTable;
  readonly rules: RuleSet;
  readonly hosts: HostTable;
};

/** What decisions are made with besides the tables. */
export type RouterParts = {
  readonly resolver: Resolver;
  readonly processes: ProcessLookup;
  readonly findProcess: () => FindProcessMode;
  readonly temporary: TemporaryRules;
  readonly nowMs: () => number;
};

/** Told of every matching step, to explain a decision. `from` is where the step started in the list it ended in. */
export type ObserveMatch = (match: RuleMatch, from: number) => void;

/** Chooses the way of a flow by its creator's wish, the mode or the rules. */
export class Router {
  readonly #parts: RouterParts;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /** Fills in what a rule had to know of the flow. @throws GatewayError `route.outbound-not-found` */
  async decide(flow: FlowMetadata, mode: RouteMode, tables: RoutingTables): Promise<Decision> {
    if (flow.specialProxy !== '') return named(flow.specialProxy, 'special', flow, tables.outbounds);
    if (mode === 'direct') return named('DIRECT', 'direct', flow, tables.outbounds);
    if (mode === 'global') return named('GLOBAL', 'global', flow, tables.outbounds);
    const match = await this.matchRules(flow, tables);
    const { temporary, nowMs } = this.#parts;
    temporary.recordMatch(tables.rules, match, nowMs());
    if (match.kind !== 'matched') return named('DIRECT', 'no-rule', flow, tables.outbounds);
    return { ...named(match.rule.target, 'rule', flow, tables.outbounds), rule: match.rule };
  }

  /** Matches the rules, looking up what they ask for; nothing is counted. */
  async matchRules(flow: FlowMetadata, tables: RoutingTables, observe?: ObserveMatch): Promise<RuleMatch> {
    const { outbounds, rules, hosts } = tables;
    const { temporary, findProcess } = this.#parts;
    const mapped = flow.host === '' ? undefined : randomOf(hosts.lookupIps(flow.host));
    if (mapped !== undefined) flow.destinationIp = mapped;
    const accepts: AcceptTarget = (target) => isAccepted(target, flow, outbounds);
    let resume: MatchResume | undefined;
    for (;;) {
      const match = temporary.match(rules, flow, accepts, findProcess(), resume);
      observe?.(match, startOf(match, resume));
      if (match.kind === 'matched' || match.kind === 'none') return match;
      resume = match.resume;
      if (match.kind === 'needs-ip') flow.destinationIp = await this.#addressOf(flow.host);
      else await this.#findProcess(flow);
    }
  }

  /** A name that cannot be resolved only keeps IP rules from matching. */
  async #addressOf(host: string): Promise<string> {
    try {
      return firstAddress(await this.#parts.resolver.resolve(host));
    } catch (error) {
      if (error instanceof GatewayError) return '';
      throw error;
    }
  }

  async #findProcess(flow: FlowMetadata): Promise<void> {
    const found = await this.#parts.processes.find(flow.network, flow.sourceIp, flow.sourcePort);
    if (found === undefined) return;
    flow.uid = found.uid;
    flow.process = found.name;
    flow.processPath = found.path;
  }
}

/** Temporary rules and the configuration's are two lists: what was interrupted in one may end in the other. */
function startOf(match: RuleMatch, resume: MatchResume | undefined): number {
  const list = 'list' in match ? match.list : match.resume.list;
  return resume?.list === list ? resume.at : 0;
}

function isAccepted(target: string, flow: FlowMetadata, outbounds: OutboundTable): boolean {
  const resolved = outbounds.resolve(target, flow);
  if (resolved === undefined || resolved.leaf.type === 'Pass') return false;
  return flow.network === 'tcp' || resolved.udp;
}

function named(name: string, why: Decision['why'], flow: FlowMetadata, outbounds: OutboundTable): Decision {
  const resolved = outbounds.choose(name, flow);
  if (resolved === undefined) {
    throw new GatewayError('not-found', 'route.outbound-not-found', `proxy ${name} not found`);
  }
  return { ...resolved, selected: name, rule: undefined, why };
}
