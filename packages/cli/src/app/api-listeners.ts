import { delimiter, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AbsentInbounds } from '@sluice/api/clash/absent-inbounds';
import { clashOperations, createClashDialect } from '@sluice/api/clash/clash-dialect';
import { type ClashListenerOptions, createClashListeners } from '@sluice/api/clash/clash-listeners';
import { type CorsRules, DEFAULT_CORS } from '@sluice/api/clash/cors';
import { RuntimeProfiler } from '@sluice/api/clash/debug/runtime-profiler';
import type { ClashOptions, Lifecycle, ReloadRequest } from '@sluice/api/clash/options';
import { createDocsDialect } from '@sluice/api/documents/docs-dialect';
import { gatewayDocument } from '@sluice/api/documents/gateway-document';
import { createMetricsDialect } from '@sluice/api/documents/metrics-dialect';
import { createDashboardDialect } from '@sluice/api/native/dashboard-dialect';
import { createNativeDialect } from '@sluice/api/native/dialect';
import { createNativeApi } from '@sluice/api/native/native-api';
import type { Listener } from '@sluice/api/native/types';
import { createQuantumultDialect, quantumultOperations } from '@sluice/api/quantumult/quantumult-dialect';
import { createZlmDialect, zlmOperations } from '@sluice/api/zlm/zlm-dialect';
import { type Endpoint, formatEndpoint, isLoopbackHost, parseEndpoint } from '@sluice/base/address';
import { systemClock } from '@sluice/base/clock';
import type { Events } from '@sluice/core/events';
import type { HttpDialect } from '@sluice/core/http/dialect';
import { createHttpListener, type HttpListener } from '@sluice/core/http/http-listener';
import type { LogHub } from '@sluice/core/log/logger';
import type { Metrics } from '@sluice/core/metrics';
import { engineStatus } from '@sluice/core/native/native-status';
import type { Service } from '@sluice/core/service';
import type { InspectPlane } from '@sluice/inspect/plane';
import { listenHost } from '@sluice/media/config';
import type { MediaPlane } from '@sluice/media/plane';
import type { RoutePlane } from '@sluice/route/plane';
import type { GatewaySettings } from '../settings/schema.ts';
import { buildInfo, KERNEL_API_VERSION, VERSION } from '../version.ts';

const DASHBOARD = fileURLToPath(new URL('../../../dashboard/dist', import.meta.url));

export type ApiListenerOptions = {
  readonly route: RoutePlane;
  readonly inspect: InspectPlane;
  readonly media: MediaPlane;
  readonly settings: GatewaySettings;
  readonly logs: LogHub;
  readonly metrics: Metrics;
  readonly events: Events;
  reload(request: ReloadRequest): Promise<void>;
  /** Folder of the configuration file, from which reloads are allowed. */
  readonly homeDir: string;
  readonly lifecycle: Lifecycle;
};

export type ApiListeners = {
  readonly all: readonly Service[];
  /** `http://host:port` of the control listener; meaningful once started. */
  controlUrl(): string;
  /** Where the media API and live URLs are served. */
  mediaUrl(): string | undefined;
  /** What the APIs really listen on. */
  addresses(): readonly Listener[];
  /** Stops what the APIs sample. */
  close(): void;
};

/** Makes the HTTP listeners: control with everything, and one of its own for each compatible API that has a port. */
export function createApiListeners(options: ApiListenerOptions): ApiListeners {
  const { settings, media, logs } = options;
  const log = logs.logger.child('api');
  const profiler = settings.log.level === 'debug' ? new RuntimeProfiler(systemClock) : undefined;
  const clash = clashOptions(options, profiler);
  const quantumult = {
    inspect: options.inspect.control,
    clock: systemClock,
    secret: settings.control.secret,
  };
  const zlm = {
    media: media.control,
    build: buildInfo(),
    serverToken: `Sluice/${VERSION}`,
    clock: systemClock,
    log: log.child('zlm'),
  };
  const native = createNativeApi({
    route: options.route.control,
    inspect: options.inspect.control,
    media: media.control,
    logs,
    events: options.events,
    clock: systemClock,
    version: VERSION,
    startedMs: Date.now(),
    dataDir: settings['data-dir'],
    apiListeners: () => apiListeners(control, admin, mediaHttp),
    engines: () =>
      engineStatus().map(({ work, engine, reason }) => ({
        name: work,
        active: reason === '',
        detail: reason === '' ? engine : `${engine}: ${reason}`,
      })),
  });

  const trusted = { hosts: settings.control['allowed-hosts'], origins: settings.control['allowed-origins'] };
  const listener = (
    name: string,
    address: string,
    dialects: readonly HttpDialect[],
    live: boolean,
  ): HttpListener =>
    createHttpListener({
      name,
      ...parseEndpoint(address),
      log,
      dialects,
      trusted,
      ...(live ? { intercept: media.http } : {}),
    });

  const document = (): object =>
    gatewayDocument({
      native,
      version: VERSION,
      groups: [clashOperations(clash), quantumultOperations(quantumult), zlmOperations(zlm)],
    });
  const control = listener(
    'control',
    settings.control.listen,
    [
      createNativeDialect({ api: native, version: VERSION, secret: settings.control.secret }),
      ...(settings.control.ui === '' ? [createDashboardDialect({ directory: DASHBOARD })] : []),
      createDocsDialect({ document }),
      createMetricsDialect({ metrics: options.metrics, secret: settings.control.secret }),
      createQuantumultDialect(quantumult),
      createZlmDialect(zlm),
      createClashDialect(clash),
    ],
    true,
  );
  const admin =
    settings.inspect.admin === ''
      ? undefined
      : listener('admin', settings.inspect.admin, [createQuantumultDialect(quantumult)], false);
  const mediaPort = Number(media.control.config().get('http.port'));
  const mediaAddress = formatEndpoint(listenHost(settings.media), mediaPort);
  const mediaHttp =
    settings.media.http?.['port'] === 0
      ? undefined
      : listener('media http', mediaAddress, [createZlmDialect(zlm)], true);
  const controllers = createClashListeners({ ...controllersOf(options), clash, log });
  return {
    all: [
      ...(profiler === undefined ? [] : [profilerService(profiler)]),
      ...[control, admin, mediaHttp, ...controllers].filter((each) => each !== undefined),
    ],
    controlUrl: () => urlOf(control),
    mediaUrl: () => (mediaHttp === undefined ? undefined : urlOf(mediaHttp)),
    addresses: () => apiListeners(control, admin, mediaHttp),
    close: () => native.close(),
  };
}

/** Samples from the start of the gateway to its end. */
function profilerService(profiler: RuntimeProfiler): Service {
  return {
    name: 'profiler',
    start: () => profiler.start(),
    stop: () => Promise.resolve(profiler.stop()),
  };
}

/** Without a secret nobody but this machine may reach a controller; `check` warns of it. */
function guardedEndpoint(address: string, secret: string): Endpoint {
  const endpoint = parseEndpoint(address);
  return secret === '' && !isLoopbackHost(endpoint.host) ? { ...endpoint, host: '127.0.0.1' } : endpoint;
}

/** The controllers that the kernel's keys ask for besides the control listener. */
function controllersOf({
  settings,
  homeDir,
}: ApiListenerOptions): Pick<ClashListenerOptions, 'tcp' | 'tls' | 'unix'> {
  const { route, control } = settings;
  const resolvePath = (path: string) => resolve(homeDir, path);
  const plain = route['external-controller'];
  const secure = route['external-controller-tls'];
  const unix = route['external-controller-unix'];
  const { tls } = route;
  const isOwn = plain === '' || parseEndpoint(plain).port === parseEndpoint(control.listen).port;
  return {
    // A bare kernel file's controller is the control listener itself.
    tcp: isOwn ? undefined : guardedEndpoint(plain, control.secret),
    tls:
      secure === ''
        ? undefined
        : {
            ...guardedEndpoint(secure, control.secret),
            settings: {
              certificate: tls.certificate,
              privateKey: tls['private-key'],
              clientAuthType: tls['client-auth-type'],
              clientAuthCert: tls['client-auth-cert'],
            },
            resolvePath,
          },
    unix: unix === '' ? undefined : resolvePath(unix),
  };
}

function clashOptions(
  { route, logs, settings, reload, homeDir, lifecycle }: ApiListenerOptions,
  profiler: RuntimeProfiler | undefined,
): ClashOptions {
  return {
    route: route.control,
    logs,
    log: logs.logger.child('api.clash'),
    clock: systemClock,
    version: KERNEL_API_VERSION,
    secret: settings.control.secret,
    cors: corsRules(settings.route['external-controller-cors']),
    uiDir: settings.control.ui === '' ? undefined : settings.control.ui,
    homeDir,
    safePaths: (process.env['SAFE_PATHS'] ?? '').split(delimiter).filter((path) => path !== ''),
    dohPath: settings.route['external-doh-server'],
    profiler,
    absentInbounds: new AbsentInbounds(),
    lifecycle,
    reload,
  };
}

function corsRules(configured: GatewaySettings['route']['external-controller-cors']): CorsRules {
  if (configured === undefined) return DEFAULT_CORS;
  return {
    allowOrigins: configured['allow-origins'],
    allowPrivateNetwork: configured['allow-private-network'],
  };
}

function apiListeners(
  control: HttpListener,
  admin: HttpListener | undefined,
  mediaHttp: HttpListener | undefined,
): Listener[] {
  return [
    { plane: 'control', name: 'control', ...control.address },
    ...(admin === undefined ? [] : [{ plane: 'inspect' as const, name: 'admin', ...admin.address }]),
    ...(mediaHttp === undefined ? [] : [{ plane: 'media' as const, name: 'http', ...mediaHttp.address }]),
  ];
}

function urlOf(listener: HttpListener): string {
  return `http://${formatEndpoint(listener.address.host, listener.address.port)}`;
}
