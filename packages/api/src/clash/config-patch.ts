import { LOG_LEVELS, type LogLevel } from '@sluice/core/log/logger';
import type { RouteSettingsPatch } from '@sluice/route/port';
import { asBoolean, asInteger, asPrefixes, asString, BodyInvalidError, membersOf } from './body.ts';
import { decodeTun, wantsTuicServer } from './tun-members.ts';

/** What `PATCH /configs` asks for. */
export type ConfigPatch = {
  readonly settings: RouteSettingsPatch;
  readonly logLevel: LogLevel | undefined;
  /** Members of `tun`, absent when it was not named. */
  readonly tun: ReadonlyMap<string, unknown> | undefined;
  /** Inbounds that it asks for and this gateway does not open, by their names in the configuration. */
  readonly absent: readonly string[];
};

type MutablePatch = { -readonly [K in keyof RouteSettingsPatch]: RouteSettingsPatch[K] };

const MODES = ['rule', 'global', 'direct'] as const;
const FIND_PROCESS_MODES = ['strict', 'always', 'off'] as const;

/** Inbounds that a URL switches on; the last two never had an effect. */
const LEGACY_INBOUNDS = ['ss-config', 'vmess-config', 'tcptun-config', 'udptun-config'];

const SETTERS: Readonly<Record<string, (patch: MutablePatch, value: unknown) => void>> = {
  port: (patch, value) => {
    patch.port = asInteger(value);
  },
  'socks-port': (patch, value) => {
    patch.socksPort = asInteger(value);
  },
  'redir-port': (patch, value) => {
    patch.redirPort = asInteger(value);
  },
  'tproxy-port': (patch, value) => {
    patch.tproxyPort = asInteger(value);
  },
  'mixed-port': (patch, value) => {
    patch.mixedPort = asInteger(value);
  },
  'allow-lan': (patch, value) => {
    patch.allowLan = asBoolean(value);
  },
  'bind-address': (patch, value) => {
    patch.bindAddress = asString(value);
  },
  'skip-auth-prefixes': (patch, value) => {
    patch.skipAuthPrefixes = asPrefixes(value);
  },
  'lan-allowed-ips': (patch, value) => {
    patch.lanAllowedIps = asPrefixes(value);
  },
  'lan-disallowed-ips': (patch, value) => {
    patch.lanDisallowedIps = asPrefixes(value);
  },
  mode: (patch, value) => {
    patch.mode = oneOf(MODES, value);
  },
  ipv6: (patch, value) => {
    patch.ipv6 = asBoolean(value);
  },
  sniffing: (patch, value) => {
    patch.sniffing = asBoolean(value);
  },
  'tcp-concurrent': (patch, value) => {
    patch.tcpConcurrent = asBoolean(value);
  },
  'interface-name': (patch, value) => {
    patch.interfaceName = asString(value);
  },
  'find-process-mode': (patch, value) => {
    patch.findProcessMode = oneOf(FIND_PROCESS_MODES, value);
  },
};

/** Decodes a patch; nothing is applied when any member has a wrong type. @throws BodyInvalidError */
export function decodeConfigPatch(body: unknown): ConfigPatch {
  const members = membersOf(body);
  const settings: MutablePatch = {};
  for (const [name, value] of members) SETTERS[name]?.(settings, value);
  const legacy = LEGACY_INBOUNDS.filter((name) => asString(members.get(name) ?? '') !== '');
  const tuicServer = members.get('tuic-server');
  const level = members.get('log-level');
  const tun = members.get('tun');
  return {
    settings,
    logLevel: level === undefined ? undefined : oneOf(LOG_LEVELS, level),
    tun: tun === undefined ? undefined : decodeTun(tun),
    absent: tuicServer !== undefined && wantsTuicServer(tuicServer) ? [...legacy, 'tuic-server'] : legacy,
  };
}

function oneOf<const T extends string>(names: readonly T[], value: unknown): T {
  const lower = asString(value).toLowerCase();
  const found = names.find((name) => name === lower);
  if (found === undefined) throw new BodyInvalidError(`not one of ${names.join(', ')}`);
  return found;
}
