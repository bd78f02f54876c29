import { isIP } from 'node:net';
import { LOG_LEVELS, type LogLevel } from '@sluice/core/log/logger';
import type { RouteSettingsPatch } from '@sluice/route/port';
import { asBoolean, asInteger, asString, asStrings, BodyInvalidError, membersOf } from './body.ts';

/** What `PATCH /configs` asks for. */
export type ConfigPatch = { readonly settings: RouteSettingsPatch; readonly logLevel: LogLevel | undefined };

type MutablePatch = { -readonly [K in keyof RouteSettingsPatch]: RouteSettingsPatch[K] };

const MODES = ['rule', 'global', 'direct'] as const;
const FIND_PROCESS_MODES = ['strict', 'always', 'off'] as const;
const TUN_STACKS = ['gvisor', 'system', 'mixed'] as const;

/** Members that are accepted for their type only: the features behind them are not part of this gateway. */
const CHECKED_ONLY: Readonly<Record<string, (value: unknown) => unknown>> = {
  'redir-port': asInteger,
  'tproxy-port': asInteger,
  sniffing: asBoolean,
  'ss-config': asString,
  'vmess-config': asString,
  'tcptun-config': asString,
  'udptun-config': asString,
  tun: checkTun,
  'tuic-server': membersOf,
};

const SETTERS: Readonly<Record<string, (patch: MutablePatch, value: unknown) => void>> = {
  port: (patch, value) => {
    patch.port = asInteger(value);
  },
  'socks-port': (patch, value) => {
    patch.socksPort = asInteger(value);
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
  const settings: MutablePatch = {};
  let logLevel: LogLevel | undefined;
  for (const [name, value] of membersOf(body)) {
    if (name === 'log-level') logLevel = oneOf(LOG_LEVELS, value);
    SETTERS[name]?.(settings, value);
    CHECKED_ONLY[name]?.(value);
  }
  return { settings, logLevel };
}

function oneOf<const T extends string>(names: readonly T[], value: unknown): T {
  const lower = asString(value).toLowerCase();
  const found = names.find((name) => name === lower);
  if (found === undefined) throw new BodyInvalidError(`not one of ${names.join(', ')}`);
  return found;
}

function asPrefixes(value: unknown): readonly string[] {
  const prefixes = asStrings(value);
  if (!prefixes.every(isPrefix)) throw new BodyInvalidError('not a list of CIDRs');
  return prefixes;
}

function isPrefix(text: string): boolean {
  const [, ip = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(ip);
  return version !== 0 && Number(length) <= (version === 4 ? 32 : 128);
}

function checkTun(value: unknown): void {
  const stack = membersOf(value).get('stack');
  if (stack !== undefined) oneOf(TUN_STACKS, stack);
}
