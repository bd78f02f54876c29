import type { Logger } from '@sluice/core/log/logger';
import type { MediaControl, ThreadLoadView } from '@sluice/media/port';
import { success } from './envelope.ts';
import type { ZlmRow } from './table.ts';

/** What `version` tells. */
export type BuildInfo = {
  readonly branchName: string;
  readonly buildTime: string;
  readonly commitHash: string;
};

/** Settings that name programs to run, which a remote caller must not choose. */
const PROTECTED_SETTINGS: ReadonlySet<string> = new Set(['ffmpeg.bin', 'ffmpeg.snap']);

const STATISTIC_NAMES: readonly string[] = [
  'MediaSource',
  'MultiMediaSourceMuxer',
  'TcpServer',
  'TcpSession',
  'UdpServer',
  'UdpSession',
  'TcpClient',
  'Socket',
  'FrameImp',
  'Frame',
  'Buffer',
  'BufferRaw',
  'BufferLikeString',
  'BufferList',
  'RtpPacket',
  'RtmpPacket',
];

/** Threads, statistics, settings and version. */
export function serverRows(media: MediaControl, build: BuildInfo, log: Logger): readonly ZlmRow[] {
  return [
    {
      path: '/index/api/getThreadsLoad',
      summary: 'Load of the threads that serve the network',
      parameters: {},
      answer: async () => success({ data: (await media.threadLoads()).map(loadObject) }),
    },
    {
      path: '/index/api/getWorkThreadsLoad',
      summary: 'Load of the threads that work in the background',
      parameters: {},
      // One event loop does both kinds of work, so both lists show it.
      answer: async () => {
        const loads = await media.threadLoads();
        return success({
          data: loads.map((load, index) => loadObject({ ...load, name: `work poller ${index}` })),
        });
      },
    },
    {
      path: '/index/api/getStatistic',
      summary: 'Live object counts',
      parameters: {},
      answer: () => {
        const counted = media.statistics();
        const zeros = Object.fromEntries(STATISTIC_NAMES.map((name) => [name, 0]));
        return success({ data: { ...zeros, ...counted } });
      },
    },
    {
      path: '/index/api/getServerConfig',
      summary: 'All settings as text',
      parameters: {},
      answer: () => success({ data: [Object.fromEntries(media.config())] }),
    },
    {
      path: '/index/api/setServerConfig',
      summary: 'Change settings named `section.key`; unknown names are ignored',
      parameters: {},
      answer: ({ parameters }) => {
        const values = new Map<string, string>();
        for (const [name, value] of parameters.given) {
          if (PROTECTED_SETTINGS.has(name)) log.warning(`setting ${name} cannot be changed through the API`);
          else if (name.includes('.')) values.set(name, value);
        }
        return success({ changed: media.setConfig(values) });
      },
    },
    {
      path: '/index/api/version',
      summary: 'What was built from where and when',
      parameters: {},
      answer: () => success({ data: build }),
    },
  ];
}

function loadObject({ name, load, delayMs, handles }: ThreadLoadView): object {
  return { name, load, delay: delayMs, fd_count: handles };
}
