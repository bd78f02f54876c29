import { PrefixSet } from './config/prefixes.ts';
import type { InboundPorts, RouteParts } from './config/resolve-route.ts';
import { fakeIpRange } from './config/resolve-route.ts';
import type { RouteConfig } from './config.ts';
import { resolveGeo } from './geo/geo-schema.ts';
import type { AccessRules } from './inbound/access.ts';
import type { RouteSettings, RouteSettingsPatch } from './port.ts';

/** The settings in force, with what is derived from them; replaced whole by every change. */
export type LiveSettings = {
  readonly shown: RouteSettings;
  readonly access: AccessRules;
  /** Whether the configuration has a sniffer that can be switched on. */
  readonly hasSniffer: boolean;
};

/** The settings that a loaded configuration asks for. `defaultUserAgent` is that of downloads. */
export function settingsOf(config: RouteConfig, parts: RouteParts, defaultUserAgent: string): LiveSettings {
  const { ports, users, lanAllowed, lanDisallowed, skipAuth } = parts;
  const hasSniffer = config.sniffer.enable;
  const range = fakeIpRange(config);
  return {
    access: { users, lanAllowed, lanDisallowed, skipAuth },
    hasSniffer,
    shown: {
      ...ports,
      authentication: [...users.keys()],
      skipAuthPrefixes: config['skip-auth-prefixes'],
      lanAllowedIps: config['lan-allowed-ips'],
      lanDisallowedIps: config['lan-disallowed-ips'],
      allowLan: config['allow-lan'],
      bindAddress: config['bind-address'],
      inboundTfo: config['inbound-tfo'],
      inboundMptcp: config['inbound-mptcp'],
      mode: config.mode,
      ipv6: config.ipv6,
      tcpConcurrent: config['tcp-concurrent'],
      findProcessMode: config['find-process-mode'],
      interfaceName: config['interface-name'],
      routingMark: config['routing-mark'],
      unifiedDelay: config['unified-delay'],
      sniffing: hasSniffer,
      geo: resolveGeo(config, () => undefined),
      globalUa: config['global-ua'] === '' ? defaultUserAgent : config['global-ua'],
      etagSupport: config['etag-support'],
      keepAliveIdleSeconds: config['keep-alive-idle'],
      keepAliveIntervalSeconds: config['keep-alive-interval'],
      disableKeepAlive: config['disable-keep-alive'],
      tunAddress: range?.family === 4 ? `${range.gateway}/30` : '198.18.0.1/30',
    },
  };
}

/** A reload's settings with the fixed inbounds and who may use them left as they are; the users come from the reload. */
export function keepInbounds(current: LiveSettings, loaded: LiveSettings): LiveSettings {
  const { port, socksPort, mixedPort, redirPort, tproxyPort, allowLan, bindAddress } = current.shown;
  const { skipAuthPrefixes, lanAllowedIps, lanDisallowedIps } = current.shown;
  const ports: InboundPorts = { port, socksPort, mixedPort, redirPort, tproxyPort };
  const kept = { ...ports, allowLan, bindAddress, skipAuthPrefixes, lanAllowedIps, lanDisallowedIps };
  return {
    ...loaded,
    shown: { ...loaded.shown, ...kept },
    access: { ...current.access, users: loaded.access.users },
  };
}

/** The settings after a change. @throws GatewayError `route.prefix` and then nothing has changed */
export function patchedSettings(current: LiveSettings, patch: RouteSettingsPatch): LiveSettings {
  const prefixes = (texts: readonly string[] | undefined, otherwise: PrefixSet) =>
    texts === undefined ? otherwise : new PrefixSet(texts);
  const { users, lanAllowed, lanDisallowed, skipAuth } = current.access;
  const sniffing = (patch.sniffing ?? current.shown.sniffing) && current.hasSniffer;
  return {
    hasSniffer: current.hasSniffer,
    shown: { ...current.shown, ...patch, sniffing },
    access: {
      users,
      lanAllowed: prefixes(patch.lanAllowedIps, lanAllowed),
      lanDisallowed: prefixes(patch.lanDisallowedIps, lanDisallowed),
      skipAuth: prefixes(patch.skipAuthPrefixes, skipAuth),
    },
  };
}

/** The address that inbounds bind: loopback, one address, or `''` for all interfaces. */
export function bindHost(settings: RouteSettings): string {
  if (!settings.allowLan) return '127.0.0.1';
  return settings.bindAddress === '*' ? '' : settings.bindAddress.replace(/^\[(.*)\]$/, '$1');
}
