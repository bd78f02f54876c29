import type { ExplainStepRow, ExplanationReply } from '@sluice/api/native/types';
import { formatEndpoint } from '@sluice/base/address';

const RESET = '\u001b[0m';
const CODES = {
  bold: '\u001b[1m',
  dim: '\u001b[2m',
  red: '\u001b[31m',
  green: '\u001b[32m',
  cyan: '\u001b[36m',
} as const;
type Style = keyof typeof CODES;

const SIGNS: Readonly<Record<ExplainStepRow['outcome'], { readonly sign: string; readonly style?: Style }>> =
  {
    matched: { sign: '✓', style: 'green' },
    passed: { sign: '·', style: 'dim' },
    resolved: { sign: '=', style: 'cyan' },
    failed: { sign: '✗', style: 'red' },
    skipped: { sign: '–', style: 'dim' },
    chosen: { sign: '→' },
  };

/** The story of one connection for a terminal: what was asked, each step with its outcome, the way it goes. */
export function explanationText(explanation: ExplanationReply, colour: boolean): string {
  const paint = (style: Style | undefined, text: string): string => {
    const clean = printable(text);
    return colour && style !== undefined ? `${CODES[style]}${clean}${RESET}` : clean;
  };
  const { request, steps, chain } = explanation;
  const title = `${request.network.toUpperCase()} ${formatEndpoint(request.host, request.port)}`;
  const about = [
    `from ${request.sourceIp}`,
    ...(request.inboundName === '' ? [] : [`through ${request.inboundName}`]),
    ...(request.user === '' ? [] : [`as ${request.user}`]),
    ...(request.process === '' ? [] : [`by ${request.process}`]),
  ].join(' ');
  const width = Math.max(0, ...steps.map(({ stage }) => stage.length));
  const lines = steps.map((step) => {
    const { sign, style } = SIGNS[step.outcome];
    const label = step.stage.padEnd(width);
    const tone = step.outcome === 'passed' || step.outcome === 'skipped' ? 'dim' : undefined;
    return `  ${paint('dim', label)}  ${paint(style, sign)} ${paint(tone, step.text)}`;
  });
  const result =
    chain.length === 0
      ? paint('red', 'The connection would fail.')
      : `${paint('bold', chain.join(' › '))}${paint('dim', ruleNote(explanation))}`;
  return [`${paint('bold', title)} ${paint(undefined, about)}`, '', ...lines, '', result].join('\n');
}

function ruleNote({ rule, rulePayload, destinationIp, inspected }: ExplanationReply): string {
  const notes = [
    ...(rule === '' ? [] : [`by ${rulePayload === '' ? rule : `${rule},${rulePayload}`}`]),
    ...(destinationIp === '' ? [] : [`at ${destinationIp}`]),
    ...(inspected ? ['and inspected'] : []),
  ];
  return notes.length === 0 ? '' : `   ${notes.join(' ')}`;
}

/** Names come from subscriptions and requests; nothing in them may steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd');
}
