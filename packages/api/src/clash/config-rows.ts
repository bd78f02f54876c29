import { isAbsolute, relative, resolve, sep } from 'node:path';
import { errorText } from '@sluice/base/errors';
import { asString, decodeFirstJson, membersOf } from './body.ts';
import { decodeConfigPatch } from './config-patch.ts';
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
        const patch = decodeConfigPatch(decodeFirstJson(body));
        await options.route.patchSettings(patch.settings);
        if (patch.logLevel !== undefined) options.logs.level = patch.logLevel;
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
        const members = membersOf(decodeFirstJson(body));
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
        return NO_CONTENT;
      },
    },
  ];
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

function configRecord({ route, logs, version }: ClashOptions): object {
  const settings = route.settings();
  return {
    port: settings.port,
    'socks-port': settings.socksPort,
    'redir-port': 0,
    'tproxy-port': 0,
    'mixed-port': settings.mixedPort,
    tun: NO_TUN,
    'tuic-server': NO_TUIC_SERVER,
    'ss-config': '',
    'vmess-config': '',
    authentication: nullWhenEmpty(settings.authentication),
    'skip-auth-prefixes': nullWhenEmpty(settings.skipAuthPrefixes),
    'lan-allowed-ips': nullWhenEmpty(settings.lanAllowedIps),
    'lan-disallowed-ips': nullWhenEmpty(settings.lanDisallowedIps),
    'allow-lan': settings.allowLan,
    'bind-address': settings.bindAddress,
    'inbound-tfo': false,
    'inbound-mptcp': false,
    mode: settings.mode,
    'unified-delay': settings.unifiedDelay,
    'log-level': logs.level,
    ipv6: settings.ipv6,
    'interface-name': settings.interfaceName,
    'routing-mark': 0,
    'geox-url': { 'geo-ip': '', mmdb: '', asn: '', 'geo-site': '' },
    'geo-auto-update': false,
    'geo-update-interval': 24,
    'geodata-mode': false,
    'geodata-loader': 'memconservative',
    'geosite-matcher': 'succinct',
    'tcp-concurrent': settings.tcpConcurrent,
    'find-process-mode': settings.findProcessMode,
    sniffing: false,
    'global-ua': `clash.meta/${version}`,
    'etag-support': true,
    'keep-alive-idle': 0,
    'keep-alive-interval': 0,
    'disable-keep-alive': false,
  };
}

/** How the record shows a TUN device and a TUIC server that were never configured. */
const NO_TUN = {
  enable: false,
  device: '',
  stack: 'gVisor',
  'dns-hijack': ['0.0.0.0:53'],
  'auto-route': true,
  'auto-detect-interface': true,
  'inet4-address': ['198.18.0.1/30'],
  'file-descriptor': 0,
  recvmsgx: true,
};

const NO_TUIC_SERVER = {
  enable: false,
  listen: '',
  certificate: '',
  'private-key': '',
  'ech-key': '',
  'mux-option': { brutal: { enabled: false } },
};

function nullWhenEmpty(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}
