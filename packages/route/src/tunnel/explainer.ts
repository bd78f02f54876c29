import { formatEndpoint } from '@sluice/base/address';
import { errorText } from '@sluice/base/errors';
import { type FlowMetadata, type InboundType, newFlow } from '@sluice/core/ports/flow';
import type { ExplainRequest, ExplainStep, Explanation, RouteMode } from '../port.ts';
import type { MatchedRule } from '../rule/rule-match.ts';
import type { TemporaryRules } from '../rule/temporary-rules.ts';
import { traceMatch } from '../rule/trace-match.ts';
import { type AddressNames, settleDestination } from './destination.ts';
import type { Router, RoutingTables } from './router.ts';

/** What explanations are made with; all but the router is asked anew every time. */
export type ExplainerParts = {
  readonly router: Router;
  readonly temporary: TemporaryRules;
  readonly tables: () => RoutingTables;
  readonly mode: () => RouteMode;
  readonly names: () => AddressNames;
};

const UNKNOWN_PORT = 0;
const INBOUND_TYPES: readonly InboundType[] = [
  'HTTP',
  'HTTPS',
  'Socks4',
  'Socks5',
  'Tunnel',
  'Redir',
  'TProxy',
];

/** Tells what would become of a connection: nothing is counted, and nothing is dialed but DNS. */
export class Explainer {
  readonly #parts: ExplainerParts;

  constructor(parts: ExplainerParts) {
    this.#parts = parts;
  }

  async explain(request: ExplainRequest): Promise<Explanation> {
    const steps: ExplainStep[] = [];
    const flow = flowOf(request);
    const outcome = await this.#follow(flow, steps);
    return {
      request,
      steps,
      chains: outcome?.chains ?? [],
      rule: outcome?.rule?.type ?? '',
      rulePayload: outcome?.rule?.payload ?? '',
      destinationIp: flow.destinationIp,
      inspected: outcome?.rule?.inspect ?? false,
    };
  }

  async #follow(
    flow: FlowMetadata,
    steps: ExplainStep[],
  ): Promise<{ readonly chains: readonly string[]; readonly rule: MatchedRule | undefined } | undefined> {
    const { tables, mode, names } = this.#parts;
    try {
      this.#nameDestination(flow, steps, names());
    } catch (error) {
      steps.push({ stage: 'destination', outcome: 'failed', text: errorText(error) });
      return undefined;
    }
    const fixed = mode() === 'rule' ? undefined : mode() === 'direct' ? 'DIRECT' : 'GLOBAL';
    if (fixed !== undefined) {
      steps.push({ stage: 'mode', outcome: 'chosen', text: `mode ${mode()}: rules are not asked` });
      return this.#toOutbound(fixed, flow, steps, undefined);
    }
    const rule = await this.#matchRules(flow, tables(), steps);
    if (rule === undefined) steps.push({ stage: 'rule', outcome: 'passed', text: 'no rule matches: DIRECT' });
    return this.#toOutbound(rule?.target ?? 'DIRECT', flow, steps, rule);
  }

  #nameDestination(flow: FlowMetadata, steps: ExplainStep[], names: AddressNames): void {
    const { hosts } = this.#parts.tables();
    const asked = flow.host;
    settleDestination(flow, hosts, names);
    const known = formatEndpoint(flow.host === '' ? flow.destinationIp : flow.host, flow.destinationPort);
    if (flow.dnsMode === 'fake-ip')
      steps.push({ stage: 'fake-ip', outcome: 'resolved', text: `${asked} stands for ${flow.host}` });
    else if (flow.dnsMode === 'redir-host')
      steps.push({ stage: 'dns', outcome: 'resolved', text: `${asked} was the answer for ${flow.host}` });
    else if (flow.host !== '' && flow.host !== asked)
      steps.push({ stage: 'hosts', outcome: 'resolved', text: `${asked} is an alias of ${flow.host}` });
    const mapped = flow.host === '' ? undefined : hosts.lookupIps(flow.host);
    if (mapped !== undefined)
      steps.push({ stage: 'hosts', outcome: 'resolved', text: `${flow.host} is ${mapped.join(', ')}` });
    steps.push({
      stage: 'destination',
      outcome: 'chosen',
      text: `${flow.network.toUpperCase()} to ${known}`,
    });
  }

  async #matchRules(
    flow: FlowMetadata,
    tables: RoutingTables,
    steps: ExplainStep[],
  ): Promise<MatchedRule | undefined> {
    const { router, temporary } = this.#parts;
    const match = await router.matchRules(flow, tables, (step, from) => {
      const list = 'list' in step ? step.list : step.resume.list;
      const isTemporary = list === temporary.rules.main;
      const isDisabled = isTemporary ? () => false : (index: number) => tables.rules.isDisabled(index);
      for (const { first, outcome, text } of traceMatch(step, from, isDisabled)) {
        const asks = outcome === 'needs-ip' || outcome === 'needs-process';
        steps.push({
          stage: 'rule',
          outcome: outcome === 'matched' ? 'matched' : outcome === 'disabled' ? 'skipped' : 'passed',
          text: isTemporary ? `temporary ${text}` : text,
          ruleIndex: first,
        });
        if (asks) steps.push(pendingStep(outcome, flow));
      }
    });
    for (const [index, step] of steps.entries()) steps[index] = completed(step, flow);
    return match.kind === 'matched' ? match.rule : undefined;
  }

  #toOutbound(name: string, flow: FlowMetadata, steps: ExplainStep[], rule: MatchedRule | undefined) {
    const { outbounds } = this.#parts.tables();
    const resolved = outbounds.resolve(name, flow);
    if (resolved === undefined) {
      steps.push({ stage: 'outbound', outcome: 'failed', text: `proxy ${name} not found` });
      return undefined;
    }
    const outerFirst = resolved.chains.toReversed();
    for (const [place, member] of outerFirst.slice(1).entries()) {
      const group = outerFirst[place] as string;
      const type = outbounds.group(group)?.type ?? 'group';
      steps.push({ stage: 'group', outcome: 'chosen', text: `${group} (${type}) goes through ${member}` });
    }
    const { leaf } = resolved;
    const carries = flow.network === 'tcp' || resolved.udp;
    steps.push({
      stage: 'outbound',
      outcome: carries ? 'chosen' : 'failed',
      text: carries ? `${leaf.name} (${leaf.type}) dials` : `${leaf.name} (${leaf.type}) carries no UDP`,
    });
    return { chains: resolved.chains, rule };
  }
}

function flowOf(request: ExplainRequest): FlowMetadata {
  const { host, port, network, sourceIp, inboundName, inboundType, inboundUser, process } = request;
  const flow = newFlow({
    network,
    type: INBOUND_TYPES.find((type) => type.toLowerCase() === inboundType?.toLowerCase()) ?? 'Socks5',
    sourceIp,
    sourcePort: UNKNOWN_PORT,
    host,
    destinationPort: port,
    inboundIp: '',
    inboundPort: UNKNOWN_PORT,
    inboundName: inboundName ?? 'DEFAULT-MIXED',
    inboundUser: inboundUser ?? '',
  });
  flow.process = process ?? '';
  return flow;
}

/** What is asked for is known only after the step; the text is filled in when matching is over. */
function pendingStep(asked: 'needs-ip' | 'needs-process', flow: FlowMetadata): ExplainStep {
  return asked === 'needs-ip'
    ? { stage: 'dns', outcome: 'resolved', text: flow.host }
    : { stage: 'process', outcome: 'resolved', text: '' };
}

function completed(step: ExplainStep, flow: FlowMetadata): ExplainStep {
  if (step.stage === 'process') {
    const text = flow.process === '' ? 'the process is not known' : `the process is ${flow.process}`;
    return { ...step, outcome: flow.process === '' ? 'failed' : 'resolved', text };
  }
  if (step.stage !== 'dns' || step.text !== flow.host) return step;
  const isResolved = flow.destinationIp !== '';
  return {
    ...step,
    outcome: isResolved ? 'resolved' : 'failed',
    text: isResolved ? `${flow.host} is ${flow.destinationIp}` : `${flow.host} could not be resolved`,
  };
}
