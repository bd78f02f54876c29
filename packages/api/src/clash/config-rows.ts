import { isAbsolute, relative, resolve, sep } from 'node:path';
import { errorText } from '@sluice/base/errors';
import { TUIC_SERVER_RECORD } from './absent-inbounds.ts';
import { asString, decodeFirstJson, membersOf } from './body.ts';
import { type ConfigPatch, decodeConfigPatch } from './config-patch.ts';
import type { ClashOptions } from './options.ts';
import type { ClashRow } from './table.ts';
import { json, message, NO_CONTENT } from './wire.ts';

/** `/configs`: the live settings, changes to them, and a reload. */
export function configRows(options: ClashOptions): readonly ClashRow[] {
  const common = { path: '/configs', area: 'mounted', trailingSlash: true } as const;
  return [
    {
      ...common,
      method: 'GET',
      summary: 'Live settings',
      replies: { 200: { description: 'The settings as they are in effect' } },
      answer: () => json(configRecord(options)),
    },
    {
      ...common,
      method: 'PATCH',
      summary: 'Change settings until the next reload',
      requestSchema: { type: 'object', additionalProperties: true },
      replies: {
        204: { description: 'Applied' },
        400: { description: 'A member has a wrong type or value' },
      },
      answer: async ({ body }) => {
        await applyPatch(options, decodeConfigPatch(decodeFirstJson(body)));
        return NO_CONTENT;
      },
    },
    {
      ...common,
      method: 'PUT',
      summary: 'Replace the configuration',
      query: { force: { description: '`true` also applies ports and addresses' } },
      requestSchema: {
        type: 'object',
        properties: { path: { type: 'string' }, payload: { type: 'string' } },
      },
      replies: {
        204: { description: 'Applied' },
        400: { description: 'Refused; the running configuration stays' },
      },
      answer: async ({ body, query }) => {
        const members = membersOf(decodeFirstJson(body) ?? {});
        const payload = asString(members.get('payload') ?? '');
        const path = payload === '' ? asString(members.get('path') ?? '') : '';
        const refusal = refusePath(path, options);
        if (refusal !== undefined) return message(400, refusal);
        try {
          await options.reload({ path, payload, force: query.get('force') === 'true' });
        } catch (error) {
          options.log.warning(`configuration refused: ${errorText(error)}`);
          return message(400, errorText(error));
        }
        options.absentInbounds.reset();
        return NO_CONTENT;
      },
    },
  ];
}

async function applyPatch(options: ClashOptions, patch: ConfigPatch): Promise<void> {
  const { route, logs, log, absentInbounds } = options;
  await route.patchSettings(patch.settings);
  if (patch.logLevel !== undefined) logs.level = patch.logLevel;
  if (patch.tun !== undefined) {
    absentInbounds.setTun(patch.tun);
    if (patch.tun.get('enable') === true)
      log.error('Start TUN listening error: this gateway opens no TUN device');
  }
  for (const name of patch.absent) log.error(`${name}: this gateway opens no such inbound`);
}

/** Why a file may not be loaded; undefined when it may, or none was named. */
function refusePath(path: string, { homeDir, safePaths }: ClashOptions): string | undefined {
  if (path === '') return undefined;
  if (!isAbsolute(path)) return 'path is not a absolute path';
  const roots = [homeDir, ...safePaths];
  if (roots.some((root) => isInside(path, root))) return undefined;
  return `path is not subpath of home directory or SAFE_PATHS: ${path} \n allowed paths: [${roots.join(' ')}]`;
}

function isInside(path: string, root: string): boolean {
  const way = relative(resolve(root), resolve(path));
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function configRecord({ route, logs, absentInbounds }: ClashOptions): object {
  const settings = route.settings();
  const { geo } = settings;
  return {
    port: settings.port,
    'socks-port': settings.socksPort,
    'redir-port': settings.redirPort,
    'tproxy-port': settings.tproxyPort,
    'mixed-port': settings.mixedPort,
    tun: absentInbounds.tunRecord(settings.tunAddress, settings.ipv6),
    'tuic-server': TUIC_SERVER_RECORD,
    'ss-config': '',
    'vmess-config': '',
    authentication: nullWhenEmpty(settings.authentication),
    'skip-auth-prefixes': nullWhenEmpty(settings.skipAuthPrefixes),
    'lan-allowed-ips': nullWhenEmpty(settings.lanAllowedIps),
    'lan-disallowed-ips': nullWhenEmpty(settings.lanDisallowedIps),
    'allow-lan': settings.allowLan,
    'bind-address': settings.bindAddress,
    'inbound-tfo': settings.inboundTfo,
    'inbound-mptcp': settings.inboundMptcp,
    mode: settings.mode,
    'unified-delay': settings.unifiedDelay,
    'log-level': logs.level,
    ipv6: settings.ipv6,
    'interface-name': settings.interfaceName,
    'routing-mark': settings.routingMark,
    'geox-url': {
      'geo-ip': geo.urls.geoip,
      mmdb: geo.urls.mmdb,
      asn: geo.urls.asn,
      'geo-site': geo.urls.geosite,
    },
    'geo-auto-update': geo.autoUpdate,
    'geo-update-interval': geo.updateIntervalHours,
    'geodata-mode': geo.datMode,
    'geodata-loader': geo.loader,
    'geosite-matcher': geo.siteMatcher,
    'tcp-concurrent': settings.tcpConcurrent,
    'find-process-mode': settings.findProcessMode,
    sniffing: settings.sniffing,
    'global-ua': settings.globalUa,
    'etag-support': settings.etagSupport,
    'keep-alive-idle': settings.keepAliveIdleSeconds,
    'keep-alive-interval': settings.keepAliveIntervalSeconds,
    'disable-keep-alive': settings.disableKeepAlive,
  };
}

function nullWhenEmpty(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}
