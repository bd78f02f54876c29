import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CORES, PinnedProcess } from './pinned-process.ts';
import { freePorts } from './workspace.ts';

/** Ports of a running gateway. */
type GatewayPorts = {
  readonly control: number;
  readonly mixed: number;
  readonly capture: number;
  readonly admin: number;
  readonly mediaHttp: number;
  readonly rtmp: number;
};

export type Gateway = { readonly process: PinnedProcess; readonly ports: GatewayPorts };

const PROGRAM = fileURLToPath(new URL('../../../bin/sluice.js', import.meta.url));
const RULE_COUNT = 10_000;

/** Rules that no bench connection meets, and after them the one that all meet. */
function usualRules(): readonly string[] {
  const domains = Array.from(
    { length: RULE_COUNT },
    (_, index) => `DOMAIN-SUFFIX,s${index}.bench.test,DIRECT`,
  );
  const prefixes = Array.from(
    { length: 1_000 },
    (_, index) => `IP-CIDR,100.${64 + (index >> 8)}.${index & 255}.0/24,REJECT,no-resolve`,
  );
  return [
    ...domains,
    ...prefixes,
    'DST-PORT,25,REJECT',
    'IP-CIDR,127.0.0.0/8,DIRECT,no-resolve',
    'MATCH,REJECT',
  ];
}

/** What to start besides the usual. */
export type GatewayOptions = {
  readonly env?: Record<string, string>;
  /** Further keys of the `route` section as YAML, two spaces in. */
  readonly route?: string;
  /** Rules before the usual ones. */
  readonly rules?: readonly string[];
};

/**
 * Starts the product as it is: every plane on, 11,000 rules in use, connections tracked and kept in statistics, everything in `folder`. Only the console
 * log is at `warning`, since the peers log no connections either.
 */
export async function startGateway(
  folder: string,
  { env = {}, route = '', rules = [] }: GatewayOptions = {},
): Promise<Gateway> {
  const [control = 0, mixed = 0, capture = 0, admin = 0, mediaHttp = 0, rtmp = 0] = await freePorts(6);
  const ports = { control, mixed, capture, admin, mediaHttp, rtmp };
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, configuration(ports, route, [...rules, ...usualRules()]));
  const gateway = new PinnedProcess(process.execPath, {
    core: CORES.server,
    cwd: folder,
    env,
    args: ['--disable-warning=ExperimentalWarning', PROGRAM, 'run', '-c', file],
  });
  try {
    for (const port of Object.values(ports)) await gateway.listening(port);
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  return { process: gateway, ports };
}

function configuration(ports: GatewayPorts, route: string, rules: readonly string[]): string {
  return `
control: { listen: "127.0.0.1:${ports.control}" }
data-dir: ./data
log: { level: warning }
route:
  mixed-port: ${ports.mixed}
  rules: ${JSON.stringify(rules)}
${route}
inspect:
  listen: "127.0.0.1:${ports.capture}"
  admin: "127.0.0.1:${ports.admin}"
  verify-upstream: false
media:
  listen: 127.0.0.1
  http: { port: ${ports.mediaHttp} }
  rtmp: { port: ${ports.rtmp} }
  api: { secret: bench }
`;
}
