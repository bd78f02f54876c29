import { isIP } from 'node:net';
import { isLoopbackHost } from '@sluice/base/address';
import type { ReportIssue } from '@sluice/core/config/issue';
import Type, { type Static, type TSchema } from 'typebox';
import { SETTING_SECTIONS, type SectionName, type SettingKey } from './settings/keys.ts';

type SettingValue = string | number | boolean;

function settingSchema(key: SettingKey): TSchema {
  const { description } = key;
  if (key.kind === 'number') return Type.Number({ description, default: Number(key.default) });
  if (key.kind === 'text') return Type.String({ description, default: key.default });
  return Type.Union([Type.Boolean(), Type.Literal(0), Type.Literal(1)], {
    description,
    default: key.default === '1',
  });
}

function sectionSchema(name: SectionName) {
  const keys = Object.entries<SettingKey>(SETTING_SECTIONS[name]);
  const properties = Object.fromEntries(
    keys.map(([key, setting]) => [key, Type.Optional(settingSchema(setting))]),
  );
  return Type.Unsafe<Readonly<Record<string, SettingValue>>>(
    // An INI file has only texts, so numbers and flags may be written as such.
    Type.Object(properties, { description: `Settings of the "${name}" section.`, weak: true }),
  );
}

const section = (name: SectionName) => Type.Optional(sectionSchema(name));

/** The `media:` section: where to listen, and the compatible server's sections and keys as nested maps. */
export const mediaConfigSchema = Type.Object(
  {
    listen: Type.Optional(
      Type.String({ description: 'Address the media listeners bind to.', default: '127.0.0.1' }),
    ),
    api: section('api'),
    ffmpeg: section('ffmpeg'),
    protocol: section('protocol'),
    general: section('general'),
    hls: section('hls'),
    hook: section('hook'),
    cluster: section('cluster'),
    http: section('http'),
    multicast: section('multicast'),
    record: section('record'),
    rtmp: section('rtmp'),
    rtp: section('rtp'),
    rtp_proxy: section('rtp_proxy'),
    rtc: section('rtc'),
    srt: section('srt'),
    rtsp: section('rtsp'),
    shell: section('shell'),
  },
  { description: 'Live media: the sections and keys of the compatible media server, as nested maps.' },
);

export type MediaConfig = Static<typeof mediaConfigSchema>;

/** The address media listeners bind to. */
export function listenHost(config: MediaConfig): string {
  const fromGeneral = config.general?.['listen_ip'];
  return config.listen ?? (typeof fromGeneral === 'string' && fromGeneral !== '' ? fromGeneral : '127.0.0.1');
}

const PORT_KEYS = [
  ['http', 'port'],
  ['http', 'sslport'],
  ['rtmp', 'port'],
  ['rtmp', 'sslport'],
  ['rtsp', 'port'],
  ['rtsp', 'sslport'],
  ['rtp_proxy', 'port'],
  ['srt', 'port'],
] as const satisfies readonly (readonly [SectionName, string])[];

/** Reports what the schema cannot see: bad addresses, ports out of range or taken twice, negative times, and no secret where one is needed. */
export function checkMedia(config: MediaConfig, report: ReportIssue): void {
  checkListen(config, report);
  checkPorts(config, report);
  checkNumbers(config, report);
}

function checkListen(config: MediaConfig, report: ReportIssue): void {
  const host = listenHost(config);
  const path = config.listen === undefined ? ['general', 'listen_ip'] : ['listen'];
  if (isIP(host) === 0 && host !== 'localhost') {
    report('error', path, 'the media listeners bind to an IP address', {
      expected: 'an IP address',
      found: host,
    });
  } else if (!isLoopbackHost(host) && !config.api?.['secret']) {
    report('error', path, 'media would be reachable from outside; set api.secret first', {
      expected: 'a loopback address, or a value for api.secret',
      found: host,
    });
  }
}

function checkPorts(config: MediaConfig, report: ReportIssue): void {
  const users = new Map<number, string>();
  for (const [name, key] of PORT_KEYS) {
    const port = config[name]?.[key];
    if (typeof port !== 'number') continue;
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      report('error', [name, key], 'not a port', { expected: '0 to 65535', found: String(port) });
      continue;
    }
    const transport = name === 'srt' ? 'udp' : 'tcp';
    const user = users.get(port);
    if (port !== 0 && transport === 'tcp' && user !== undefined) {
      report('error', [name, key], `port ${port} is already used by ${user}`, {
        expected: 'a free port',
        found: String(port),
      });
    }
    if (transport === 'tcp') users.set(port, `${name}.${key}`);
  }
}

const NON_NEGATIVE = [
  ['protocol', 'continue_push_ms'],
  ['general', 'maxStreamWaitMS'],
  ['general', 'streamNoneReaderDelayMS'],
  ['general', 'mergeWriteMS'],
  ['general', 'wait_track_ready_ms'],
  ['general', 'wait_add_track_ms'],
  ['general', 'unready_frame_cache'],
  ['hls', 'segNum'],
  ['hls', 'segRetain'],
  ['rtmp', 'handshakeSecond'],
  ['rtmp', 'keepAliveSecond'],
] as const satisfies readonly (readonly [SectionName, string])[];

function checkNumbers(config: MediaConfig, report: ReportIssue): void {
  for (const [name, key] of NON_NEGATIVE) {
    const value = config[name]?.[key];
    if (typeof value === 'number' && value < 0) {
      report('error', [name, key], 'must not be negative', { expected: '0 or more', found: String(value) });
    }
  }
  const segmentSeconds = config.hls?.['segDur'];
  if (typeof segmentSeconds === 'number' && !(segmentSeconds > 0 && segmentSeconds <= 60)) {
    report('error', ['hls', 'segDur'], 'not a usable segment duration', {
      expected: 'more than 0, at most 60 seconds',
      found: String(segmentSeconds),
    });
  }
  const stamp = config.protocol?.['modify_stamp'];
  if (stamp !== undefined && stamp !== 0 && stamp !== 1 && stamp !== 2) {
    report('error', ['protocol', 'modify_stamp'], 'unknown timestamp mode', {
      expected: '0, 1 or 2',
      found: String(stamp),
    });
  }
}
