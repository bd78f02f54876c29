import { formatEndpoint } from '@sluice/base/address';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { chainText, type Decision, ruleText } from './decision.ts';

/** `host:port` of a flow's destination as the client named it. */
export function destinationText(metadata: Readonly<FlowMetadata>): string {
  return formatEndpoint(
    metadata.host === '' ? metadata.destinationIp : metadata.host,
    metadata.destinationPort,
  );
}

function ends(metadata: Readonly<FlowMetadata>): string {
  // The wire's fixed word for connections the gateway makes itself; dashboards parse these lines.
  const source =
    metadata.type === 'Inner'
      ? 'mihomo'
      : `${formatEndpoint(metadata.sourceIp, metadata.sourcePort)}${ownerText(metadata)}`;
  return `${source} --> ${destinationText(metadata)}`;
}

/** `(process, uid=1000)`, as far as the owner of the client socket is known. */
function ownerText({ process, uid }: Readonly<FlowMetadata>): string {
  const parts = [process, uid === 0 ? '' : `uid=${uid}`].filter((part) => part !== '');
  return parts.length === 0 ? '' : `(${parts.join(', ')})`;
}

/** The log line of an opened flow, in the kernel's wording. */
export function openedLine(metadata: Readonly<FlowMetadata>, decision: Decision): string {
  const head = `[${metadata.network.toUpperCase()}] ${ends(metadata)}`;
  const chain = chainText(decision.chains);
  switch (decision.why) {
    case 'rule':
      return `${head} match ${decision.rule === undefined ? '' : ruleText(decision.rule)} using ${chain}`;
    case 'no-rule':
      return `${head} doesn't match any rule using ${chain}`;
    case 'special':
      return `${head} using ${decision.selected}`;
    case 'global':
      return `${head} using GLOBAL`;
    case 'direct':
      return `${head} using DIRECT`;
  }
}

/** The log line of a flow whose outbound could not be opened. */
export function failedLine(metadata: Readonly<FlowMetadata>, decision: Decision, error: string): string {
  const rule = decision.rule === undefined ? '' : ` (match ${decision.rule.type}/${decision.rule.payload})`;
  return `[${metadata.network.toUpperCase()}] dial ${decision.selected}${rule} ${ends(metadata)} error: ${error}`;
}
