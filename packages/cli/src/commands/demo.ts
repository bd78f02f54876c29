import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { formatEndpoint } from '@sluice/base/address';
import { systemClock } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import { createLogHub } from '@sluice/core/log/log-hub';
import { textSink } from '@sluice/core/log/text-sink';
import { openCa } from '@sluice/inspect/tls/authority';
import { type App, createApp } from '../app.ts';
import { startLiveSource } from '../demo/live-source.ts';
import { startTrickle } from '../demo/trickle.ts';
import { startWebSite } from '../demo/web-site.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.ts';
import { ProcessLifecycle } from '../process-lifecycle.ts';
import { loadSettings } from '../settings/load-settings.ts';
import { startScreen } from '../start-screen.ts';
import { printIssues, type Terminal } from '../terminal.ts';

const HOSTNAME = 'shop.demo.test';
const STOP_DEADLINE_MS = 4_000;

/** `sluice demo`: the gateway with a site, a live stream and requests of its own, until Ctrl-C. */
export async function demoCommand(
  options: { readonly dataDir?: string },
  terminal: Terminal,
): Promise<number> {
  const folder =
    options.dataDir === undefined ? mkdtempSync(join(tmpdir(), 'sluice-demo-')) : resolve(options.dataDir);
  try {
    return await runDemo(folder, terminal);
  } catch (error) {
    terminal.err(`sluice: the demo could not start: ${errorText(error)}`);
    return EXIT_FAILED;
  } finally {
    if (options.dataDir === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

async function runDemo(folder: string, terminal: Terminal): Promise<number> {
  const siteAuthority = await openCa(join(folder, 'site-ca'), { keyType: 'ec' });
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, demoConfiguration(siteAuthority.view.path));
  const source = { file, environment: process.env };
  const { settings, issues } = loadSettings(source);
  printIssues(terminal, issues);
  if (settings === undefined) return EXIT_FAILED;

  const logs = createLogHub('warning', textSink(process.stderr, terminal.colour));
  const app = await createApp({ settings, logs, source, lifecycle: new ProcessLifecycle() });
  await app.start();
  const site = await startWebSite(HOSTNAME, siteAuthority);
  const live = startLiveSource({
    rtmpUrl: `rtmp://${rtmpEndpoint(app)}/live/demo`,
    hub: app.media.hub,
    clock: systemClock,
    log: logs.logger.child('demo'),
  });
  const stopTrickle = startTrickle({
    hostname: HOSTNAME,
    httpPort: site.httpPort,
    httpsPort: site.httpsPort,
    proxyUrl: `http://${formatEndpoint('127.0.0.1', app.route.control.settings().mixedPort)}`,
    ca: await app.inspect.control.exportCa('pem'),
    clock: systemClock,
    log: logs.logger.child('demo'),
  });

  const description = app.describe();
  const demoLines = [
    {
      label: 'Site',
      value: `http://${HOSTNAME}:${site.httpPort}`,
      note: 'through the proxy; captured by rule',
    },
    { label: 'Stream', value: 'live/demo', note: live.description },
  ];
  terminal.out(
    startScreen(
      { title: `${description.title} demo`, lines: [...description.lines, ...demoLines] },
      terminal.colour,
    ),
  );
  terminal.out('  Open the dashboard; Ctrl-C ends the demo and removes what it kept.\n');
  await firstSignal();
  terminal.err('stopping …');
  stopTrickle();
  await live.stop();
  site.close();
  await app.stop(AbortSignal.timeout(STOP_DEADLINE_MS));
  return EXIT_OK;
}

function demoConfiguration(siteCa: string): string {
  return `data-dir: .
route:
  hosts:
    ${HOSTNAME}: 127.0.0.1
  proxy-groups:
    - { name: Demo, type: select, proxies: [DIRECT, REJECT] }
  rules:
    - DOMAIN,${HOSTNAME},Demo,inspect
    - MATCH,DIRECT
inspect:
  upstream-ca: ${JSON.stringify(siteCa)}
`;
}

function rtmpEndpoint(app: App): string {
  const listener = app.media.control.listeners().find(({ name }) => name === 'rtmp');
  return formatEndpoint(listener?.host ?? '127.0.0.1', listener?.port ?? 1935);
}

function firstSignal(): Promise<void> {
  const { promise, resolve: end } = Promise.withResolvers<void>();
  process.once('SIGINT', () => end());
  process.once('SIGTERM', () => end());
  return promise;
}
