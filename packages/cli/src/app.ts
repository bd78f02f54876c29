import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ClashOptions, Lifecycle, ReloadRequest } from '@sluice/api/clash/options';
import { isLoopbackHost } from '@sluice/base/address';
import { systemClock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { ConfigIssue } from '@sluice/core/config/issue';
import { describeIssue } from '@sluice/core/config/print-issue';
import { Events } from '@sluice/core/events';
import type { GatewayContext } from '@sluice/core/gateway-context';
import type { LogHub } from '@sluice/core/log/logger';
import { Metrics } from '@sluice/core/metrics';
import type { Service } from '@sluice/core/service';
import { ServiceGroup } from '@sluice/core/service-group';
import { createInspectPlane, type InspectPlane } from '@sluice/inspect/plane';
import { createMediaPlane, type MediaPlane } from '@sluice/media/plane';
import { createRoutePlane, type ReconfigureScope, type RoutePlane } from '@sluice/route/plane';
import { createApiListeners } from './app/api-listeners.ts';
import { makeDataFolder } from './app/data-folder.ts';
import { describeApp } from './app/describe.ts';
import { loadSettings, type SettingsSource } from './settings/load-settings.ts';
import type { GatewaySettings } from './settings/schema.ts';
import type { StartLine } from './start-screen.ts';
import { KERNEL_API_VERSION } from './version.ts';

/** The running gateway. */
export type App = Service & {
  readonly route: RoutePlane;
  readonly inspect: InspectPlane;
  readonly media: MediaPlane;
  /** Base URL of the control listener; meaningful once started. */
  controlUrl(): string;
  /**
   * Reads the configuration again (or `changed` in its place) and applies what differs; all planes change or none, and
   * one reload follows the other. `scope` says whether the inbounds of the route plane follow. Returns the warnings. @throws GatewayError `config.invalid` when it has errors, and what a plane threw; nothing changed then
   */
  reload(changed?: Partial<SettingsSource>, scope?: ReconfigureScope): Promise<readonly ConfigIssue[]>;
  describe(): { readonly title: string; readonly lines: readonly StartLine[] };
};

export type AppOptions = {
  readonly settings: GatewaySettings;
  readonly logs: LogHub;
  /** Where the settings came from, for reloading. */
  readonly source: SettingsSource;
  /** What the control API may do with the process. */
  readonly lifecycle: Lifecycle;
  /** What cannot start besides the route plane is logged instead of ending the start; `false` when absent. */
  readonly tolerant?: boolean;
};

/** Makes all planes and APIs and wires the ports between them; nothing listens before `start`. */
export async function createApp({
  settings: wanted,
  logs,
  source,
  lifecycle,
  tolerant = false,
}: AppOptions): Promise<App> {
  const log = logs.logger;
  const dataDir = makeDataFolder(wanted['data-dir'], log);
  const settings = { ...wanted, 'data-dir': dataDir };
  const metrics = new Metrics();
  metrics.collectRuntime();
  const events = new Events((error) => log.error(`an event listener failed: ${errorText(error)}`));
  const context: GatewayContext = {
    clock: systemClock,
    log,
    metrics,
    events,
    dataDir,
  };

  // Route asks for the tap only when a rule wants it, so it can be made before the plane that provides it.
  let inspect: InspectPlane | undefined;
  const homeDir = homeOf(source, dataDir);
  const route = await createRoutePlane(context, settings.route, {
    tap: () => inspect?.tap,
    homeDir,
    userAgent: `clash.meta/${KERNEL_API_VERSION}`,
  });
  inspect = await createInspectPlane(context, settings.inspect, {
    dialer: route.dialer,
    isOwnListener: (host, port) => isLoopbackHost(host) && ownPorts().has(port),
  });
  const media = createMediaPlane(context, settings.media, { dialer: route.dialer });
  const planes = { route, inspect, media };

  let current = settings;
  const reloadOnce: App['reload'] = async (changed = {}, scope = { inbounds: true }) => {
    const loaded = loadSettings({ ...source, ...changed });
    if (loaded.settings === undefined) throw invalidConfiguration(loaded.issues);
    await applySettings(planes, current, loaded.settings, scope);
    if (JSON.stringify(current.control) !== JSON.stringify(loaded.settings.control)) {
      log.warning('control: changes take effect at the next start');
    }
    logs.level = loaded.settings.log.level;
    current = loaded.settings;
    events.emit('config.changed', { section: 'all' });
    log.info('configuration reloaded');
    return loaded.issues;
  };
  let lastReload: Promise<unknown> = Promise.resolve();
  const reload: App['reload'] = (changed, scope) => {
    // Traffic has its turn between reloads that wait for one another.
    const turn = Promise.allSettled([lastReload])
      .then(() => setImmediate())
      .then(() => reloadOnce(changed, scope));
    lastReload = turn;
    return turn;
  };

  const ownPorts = (): ReadonlySet<number> =>
    new Set(
      [...route.control.listeners(), ...media.control.listeners(), ...listeners.addresses()].map(
        ({ port }) => port,
      ),
    );
  const listeners = createApiListeners({
    ...planes,
    settings,
    logs,
    metrics,
    events,
    homeDir,
    lifecycle,
    reload: kernelReload(reload),
  });
  const services = new ServiceGroup(
    log,
    [route, inspect, media, ...listeners.all],
    ({ name }) => tolerant && name !== route.name,
  );
  return {
    name: 'gateway',
    ...planes,
    start: () => services.start(),
    async stop(deadline) {
      await services.stop(deadline);
      listeners.close();
    },
    reload,
    controlUrl: () => listeners.controlUrl(),
    describe: () => describeApp(planes, settings, listeners),
  };
}

/** Where relative paths of the configuration start. */
function homeOf({ home, file }: SettingsSource, dataDir: string): string {
  if (home !== undefined) return resolve(home);
  return file === undefined || file === '-' ? dataDir : dirname(resolve(file));
}

/** Why a configuration cannot be used. */
class InvalidConfigurationError extends GatewayError {
  readonly first: ConfigIssue;

  constructor(errors: readonly [ConfigIssue, ...ConfigIssue[]]) {
    super('invalid', 'config.invalid', describeIssue(errors[0]), { details: { issues: errors } });
    this.first = errors[0];
  }
}

function invalidConfiguration(issues: readonly ConfigIssue[]): GatewayError {
  const [first, ...others] = issues.filter((issue) => issue.severity === 'error');
  if (first === undefined) throw new TypeError('settings are missing without an error');
  return new InvalidConfigurationError([first, ...others]);
}

/**
 * Applies settings plane by plane; when one refuses, those already changed go back to what they had. Route comes last: going
 * back would cost it what the control API has changed since the last load.
 */
async function applySettings(
  { route, inspect, media }: { route: RoutePlane; inspect: InspectPlane; media: MediaPlane },
  before: GatewaySettings,
  after: GatewaySettings,
  scope: ReconfigureScope,
): Promise<void> {
  const steps = [
    { apply: () => inspect.reconfigure(after.inspect), undo: () => inspect.reconfigure(before.inspect) },
    { apply: () => media.reconfigure(after.media), undo: () => media.reconfigure(before.media) },
    { apply: () => route.reconfigure(after.route, scope), undo: async () => undefined },
  ];
  for (const [index, step] of steps.entries()) {
    try {
      await step.apply();
    } catch (error) {
      for (const done of steps.slice(0, index).reverse()) await done.undo();
      throw error;
    }
  }
}

/** A reload through the kernel's API, refused with that API's texts: the finding alone, without our path to it. */
function kernelReload(reload: App['reload']): ClashOptions['reload'] {
  return async (request) => {
    try {
      await reload(reloadSource(request), { inbounds: request.force });
    } catch (error) {
      if (!(error instanceof InvalidConfigurationError)) throw error;
      throw new GatewayError('invalid', error.code, error.first.message, { cause: error });
    }
  };
}

/** What a reload through the kernel's API reads: a text, another file, or the one the gateway was started with. */
function reloadSource({ path, payload }: ReloadRequest): Partial<SettingsSource> {
  if (payload !== '') return { routeText: payload };
  if (path === '') return {};
  if (!existsSync(path))
    throw new GatewayError('invalid', 'config.missing', `stat ${path}: no such file or directory`);
  if (readFileSync(path, 'utf8').trim() === '') {
    throw new GatewayError('invalid', 'config.empty', `configuration file ${path} is empty`);
  }
  return { routeFile: path };
}
