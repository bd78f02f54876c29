import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp } from '@sluice/cli/app';
import { loadSettings } from '@sluice/cli/settings/load-settings';
import { formatIssue } from '@sluice/core/config/print-issue';
import { createLogHub } from '@sluice/core/log/log-hub';
import { freePorts } from './ports.ts';

export type GatewayPorts = {
  readonly control: number;
  readonly mixed: number;
  readonly capture: number;
  readonly admin: number;
  readonly http: number;
  readonly rtmp: number;
};

/** A whole gateway in this process, on free loopback ports, with its data in a temporary folder. */
export type TestGateway = {
  readonly app: App;
  readonly ports: GatewayPorts;
  readonly folder: string;
  /** What the console would have shown. */
  readonly log: readonly string[];
  stop(): Promise<void>;
};

export type GatewayOptions = {
  /** Keys of the `route` section below the ports, indented by two. */
  readonly route?: string;
  readonly inspect?: string;
  readonly media?: string;
  readonly control?: string;
  /** Where the gateway lives; it stays there after `stop`. Without it a new folder is made and removed. */
  readonly folder?: string;
};

/** A test must not replace its own process. */
const NO_LIFECYCLE = {
  checkRestart: () => Promise.resolve(),
  restart: () => Promise.resolve(),
  upgrade: () => Promise.reject(new Error('update error: already using latest version')),
};

/** Picks free ports for every listener. */
export async function pickPorts(): Promise<GatewayPorts> {
  const [control = 0, mixed = 0, capture = 0, admin = 0, http = 0, rtmp = 0] = await freePorts(6);
  return { control, mixed, capture, admin, http, rtmp };
}

/** The `sluice.yaml` of a test gateway. */
export function gatewayYaml(ports: GatewayPorts, options: GatewayOptions = {}): string {
  return `control:
  listen: 127.0.0.1:${ports.control}
${options.control ?? ''}
data-dir: .
route:
  mixed-port: ${ports.mixed}
${options.route ?? ''}
inspect:
  listen: 127.0.0.1:${ports.capture}
  admin: 127.0.0.1:${ports.admin}
  ca-key: ec
${options.inspect ?? ''}
media:
  http: { port: ${ports.http} }
  rtmp: { port: ${ports.rtmp} }
${options.media ?? ''}
`;
}

/** Starts a gateway; `stop` ends it and removes a folder made for it. */
export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'sluice-test-'));
  const ports = await pickPorts();
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, gatewayYaml(ports, options));
  const { settings, issues } = loadSettings({ file });
  if (settings === undefined) throw new Error(issues.map(formatIssue).join('\n'));
  const log: string[] = [];
  const logs = createLogHub('debug', (entry) => log.push(`${entry.level} ${entry.scope} ${entry.message}`));
  const app = await createApp({ settings, logs, source: { file }, lifecycle: NO_LIFECYCLE });
  await app.start();
  return {
    app,
    ports,
    folder,
    log,
    async stop() {
      await app.stop(AbortSignal.timeout(5_000));
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
