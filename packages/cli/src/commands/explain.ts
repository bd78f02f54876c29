import { isIP } from 'node:net';
import type { ErrorReply, ExplainInput, ExplanationReply } from '@sluice/api/native/types';
import { formatEndpoint, parseEndpoint } from '@sluice/base/address';
import { errorText } from '@sluice/base/errors';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../exit-codes.ts';
import { loadSettings, type SettingsSource } from '../settings/load-settings.ts';
import { printIssues, type Terminal } from '../terminal.ts';
import { explanationText } from './explanation-text.ts';

const ANSWER_TIMEOUT_MS = 30_000;

export type ExplainOptions = {
  readonly from?: string;
  readonly network?: 'tcp' | 'udp';
  readonly inbound?: string;
  readonly user?: string;
  readonly process?: string;
  /** Address of the control API; the configuration's when absent. */
  readonly control?: string;
  readonly secret?: string;
  readonly json: boolean;
};

type Gateway = { readonly url: URL; readonly secret: string };

/** `sluice explain`: asks the running gateway what it would do with a connection, and tells the story. */
export async function explainCommand(
  target: string,
  options: ExplainOptions,
  source: SettingsSource,
  terminal: Terminal,
): Promise<number> {
  if (options.from !== undefined && isIP(options.from) === 0) {
    terminal.err(`sluice: --from: expected an IP address, found "${options.from}"`);
    return EXIT_USAGE;
  }
  const gateway = gatewayOf(options, source, terminal);
  if (gateway === undefined) return EXIT_FAILED;
  const answer = await ask(gateway, requestOf(target, options));
  if ('problem' in answer) {
    terminal.err(`sluice: ${answer.problem}`);
    return EXIT_FAILED;
  }
  const colour = terminal.colour && process.stdout.isTTY === true;
  terminal.out(
    options.json
      ? JSON.stringify(answer.explanation, undefined, 2)
      : explanationText(answer.explanation, colour),
  );
  return EXIT_OK;
}

function requestOf(target: string, { from, network, inbound, user, process }: ExplainOptions): ExplainInput {
  return {
    target,
    ...(network === undefined ? {} : { network }),
    ...(from === undefined ? {} : { sourceIp: from }),
    ...(inbound === undefined ? {} : { inboundName: inbound }),
    ...(user === undefined ? {} : { user }),
    ...(process === undefined ? {} : { process }),
  };
}

/** Where the gateway is: what the options say, else what the configuration says. */
function gatewayOf(options: ExplainOptions, source: SettingsSource, terminal: Terminal): Gateway | undefined {
  if (options.control !== undefined) {
    const url = urlOf(options.control);
    if (url === undefined) {
      terminal.err(
        `sluice: --control: expected a URL or host:port, found "${options.control}" (for example http://127.0.0.1:9090)`,
      );
      return undefined;
    }
    return { url, secret: options.secret ?? '' };
  }
  const { settings, issues } = loadSettings(source);
  if (settings === undefined) {
    printIssues(terminal, issues);
    terminal.err('sluice: the configuration does not tell where the gateway is; --control can');
    return undefined;
  }
  const { host, port } = parseEndpoint(settings.control.listen);
  const url = urlOf(formatEndpoint(reachable(host), port));
  return url === undefined ? undefined : { url, secret: options.secret ?? settings.control.secret };
}

/** A gateway that listens on every interface is asked on this machine's own. */
function reachable(host: string): string {
  return host === '' || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
}

function urlOf(text: string): URL | undefined {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

type Answer = { readonly explanation: ExplanationReply } | { readonly problem: string };

async function ask({ url, secret }: Gateway, body: ExplainInput): Promise<Answer> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL('api/v1/route/explain', url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(secret === '' ? {} : { authorization: `Bearer ${secret}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return {
      problem: `no gateway answers at ${url.origin}: ${errorText(cause)} (is it running? --control names another address)`,
    };
  }
  if (response.status === 401) {
    const problem = secret === '' ? 'wants a secret' : 'refuses the secret';
    return {
      problem: `the gateway at ${url.origin} ${problem}; give it with --secret or the configuration with -c`,
    };
  }
  const value = jsonOf(text);
  if (response.ok && isExplanation(value)) return { explanation: value };
  if (isErrorReply(value) && value.code !== 'api.not-found') return { problem: value.message };
  return {
    problem: `what answers at ${url.origin} (status ${response.status}) is no gateway that can explain`,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Whatever answers in another form is told apart by the caller.
    return undefined;
  }
}

function isExplanation(value: unknown): value is ExplanationReply {
  return typeof value === 'object' && value !== null && 'steps' in value && Array.isArray(value.steps);
}

function isErrorReply(value: unknown): value is ErrorReply {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value;
}
