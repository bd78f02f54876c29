import { PrefixSet } from './config/prefixes.ts';
import type { ResolvedRoute } from './config/resolve-route.ts';
import type { RouteConfig } from './config.ts';
import type { AccessRules } from './inbound/access.ts';
import type { RouteSettings, RouteSettingsPatch } from './port.ts';

/** The settings in force, with what is derived from them; replaced whole by every change. */
export type LiveSettings = { readonly shown: RouteSettings; readonly access: AccessRules };

/** The settings that a loaded configuration asks for. */
export function settingsOf(config: RouteConfig, resolved: ResolvedRoute): LiveSettings {
  const { ports, users, lanAllowed, lanDisallowed, skipAuth } = resolved;
  return {
    access: { users, lanAllowed, lanDisallowed, skipAuth },
    shown: {
      ...ports,
      authentication: [...users.keys()],
      skipAuthPrefixes: config['skip-auth-prefixes'],
      lanAllowedIps: config['lan-allowed-ips'],
      lanDisallowedIps: config['lan-disallowed-ips'],
      allowLan: config['allow-lan'],
      bindAddress: config['bind-address'],
      mode: config.mode,
      ipv6: config.ipv6,
      tcpConcurrent: config['tcp-concurrent'],
      findProcessMode: config['find-process-mode'],
      interfaceName: config['interface-name'],
      unifiedDelay: config['unified-delay'],
    },
  };
}

/** A reload's settings with the inbounds and who may use them left as they are; the users come from the reload. */
export function keepInbounds(current: LiveSettings, loaded: LiveSettings): LiveSettings {
  const { port, socksPort, mixedPort, allowLan, bindAddress } = current.shown;
  const { skipAuthPrefixes, lanAllowedIps, lanDisallowedIps } = current.shown;
  const ports = { port, socksPort, mixedPort, allowLan, bindAddress };
  return {
    shown: { ...loaded.shown, ...ports, skipAuthPrefixes, lanAllowedIps, lanDisallowedIps },
    access: { ...current.access, users: loaded.access.users },
  };
}

/** The settings after a change. @throws GatewayError `route.prefix` and then nothing has changed */
export function patchedSettings(current: LiveSettings, patch: RouteSettingsPatch): LiveSettings {
  const prefixes = (texts: readonly string[] | undefined, otherwise: PrefixSet) =>
    texts === undefined ? otherwise : new PrefixSet(texts);
  const { users, lanAllowed, lanDisallowed, skipAuth } = current.access;
  return {
    shown: { ...current.shown, ...patch },
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
