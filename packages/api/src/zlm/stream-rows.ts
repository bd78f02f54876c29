import type { MediaControl, MediaFilter } from '@sluice/media/port';
import type { ParameterDoc } from '../openapi.ts';
import { CODE_FAILURE, list, STREAM_NOT_FOUND, success } from './envelope.ts';
import { mediaObject, socketObject } from './objects.ts';
import { type Parameters, toBoolean } from './parameters.ts';
import type { ZlmRow } from './table.ts';

const DEFAULT_VHOST = '__defaultVhost__';
const STREAM_REQUIRED = '"schema","vhost","app","stream"';

const STREAM_PARAMETERS: Readonly<Record<string, ParameterDoc>> = {
  schema: { description: 'For example `rtmp` or `hls`' },
  vhost: { description: `\`${DEFAULT_VHOST}\` unless virtual hosts are enabled` },
  app: { description: 'Application name' },
  stream: { description: 'Stream id' },
};

const FORCE: Readonly<Record<string, ParameterDoc>> = {
  force: { description: 'Also close watched streams' },
};

/** Live streams: lists, single streams, their viewers, and closing. */
export function streamRows(media: MediaControl): readonly ZlmRow[] {
  const filterOf = (parameters: Parameters): Required<MediaFilter> => {
    const vhost = parameters.get('vhost');
    const hasVhosts = toBoolean(media.config().get('general.enableVhost') ?? '');
    return {
      schema: parameters.get('schema'),
      vhost: vhost === '' || hasVhosts ? vhost : DEFAULT_VHOST,
      app: parameters.get('app'),
      stream: parameters.get('stream'),
    };
  };
  const closeStreams = (parameters: Parameters) =>
    media.closeStreams(onlyGiven(filterOf(parameters)), toBoolean(parameters.get('force')));
  return [
    {
      path: '/index/api/getMediaList',
      summary: 'Live streams, one entry per schema',
      parameters: STREAM_PARAMETERS,
      answer: ({ parameters }) => {
        const sources = media.sources(onlyGiven(filterOf(parameters)));
        return list(sources.map((source) => mediaObject(source, sources.length === 1)));
      },
    },
    {
      path: '/index/api/isMediaOnline',
      summary: 'Whether a stream is live',
      parameters: STREAM_PARAMETERS,
      required: STREAM_REQUIRED,
      answer: ({ parameters }) => success({ online: media.sources(filterOf(parameters)).length > 0 }),
    },
    {
      path: '/index/api/getMediaInfo',
      summary: 'One live stream',
      parameters: STREAM_PARAMETERS,
      required: STREAM_REQUIRED,
      answer: ({ parameters }) => {
        const source = media.sources(filterOf(parameters))[0];
        return source === undefined ? STREAM_NOT_FOUND : success(mediaObject(source, true));
      },
    },
    {
      path: '/index/api/getMediaPlayerList',
      summary: 'Viewers of a stream',
      parameters: STREAM_PARAMETERS,
      required: '"schema", "vhost", "app", "stream"',
      answer: ({ parameters }) => {
        const readers = media.readers(filterOf(parameters));
        if (readers === undefined) return STREAM_NOT_FOUND;
        return success({
          data: readers.map((reader) => ({ ...socketObject(reader), typeid: reader.typeId })),
        });
      },
    },
    {
      path: '/index/api/close_stream',
      summary: 'Close one stream, all its schemas included',
      parameters: { ...STREAM_PARAMETERS, ...FORCE },
      required: STREAM_REQUIRED,
      answer: ({ parameters }) => {
        const { hit, closed } = closeStreams(parameters);
        if (hit === 0) return STREAM_NOT_FOUND;
        return closed > 0
          ? success({ msg: 'success', result: 0 })
          : { code: CODE_FAILURE, msg: 'close failed', result: -1 };
      },
    },
    {
      path: '/index/api/close_streams',
      summary: 'Close every matching stream',
      parameters: { ...STREAM_PARAMETERS, ...FORCE },
      answer: ({ parameters }) => {
        const { hit, closed } = closeStreams(parameters);
        return success({ count_hit: hit, count_closed: closed });
      },
    },
  ];
}

function onlyGiven(filter: Required<MediaFilter>): MediaFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ''));
}
