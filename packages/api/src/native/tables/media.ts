import { GatewayError } from '@sluice/base/errors';
import type { MediaFilter } from '@sluice/media/port';
import Type from 'typebox';
import type { NativeDependencies } from '../dependencies.ts';
import { sessionOf, streamsOf } from '../mapping.ts';
import { addressesFor } from '../overview.ts';
import { ClosedStreamsBody, Done, SessionsBody, StreamsBody } from '../schemas.ts';
import { type NativeRoute, type NativeStream, route, stream } from '../table.ts';
import type { Sessions, Streams } from '../types.ts';
import { DONE, IdParams, IntervalQuery, ROW_LIMIT, repeat } from './common.ts';

const Name = Type.String({ minLength: 1, maxLength: 512 });
const StreamQuery = Type.Object({
  vhost: Type.Optional(Name),
  app: Name,
  stream: Name,
  force: Type.Optional(Type.Boolean({ description: 'also when somebody watches' })),
});

export function mediaRoutes(deps: NativeDependencies): NativeRoute[] {
  const { media } = deps;
  return [
    route({
      method: 'GET',
      path: '/streams',
      summary: 'Live streams with tracks, origin, viewers and play addresses',
      reply: StreamsBody,
      handle: ({ hostname }) => liveStreams(deps, hostname),
    }),
    route({
      method: 'DELETE',
      path: '/streams',
      summary: 'Closes a stream by ending its producer',
      query: StreamQuery,
      reply: ClosedStreamsBody,
      handle({ query: { vhost, app, stream: name, force } }) {
        const filter: MediaFilter = { app, stream: name, ...(vhost === undefined ? {} : { vhost }) };
        const { hit, closed } = media.closeStreams(filter, force ?? false);
        if (hit === 0) {
          throw new GatewayError('not-found', 'media.stream-not-found', `no stream ${app}/${name} is live`);
        }
        return { matched: hit, closed };
      },
    }),
    route({
      method: 'GET',
      path: '/sessions',
      summary: 'Media connections, newest first',
      reply: SessionsBody,
      handle: () => sessionsOf(deps),
    }),
    route({
      method: 'DELETE',
      path: '/sessions/:id',
      summary: 'Disconnects one media connection',
      params: IdParams,
      reply: Done,
      handle({ params }) {
        if (!media.kickSession(params.id)) {
          throw new GatewayError('not-found', 'media.session-not-found', `no session ${params.id} is open`);
        }
        return DONE;
      },
    }),
  ];
}

export function mediaStreams(deps: NativeDependencies): NativeStream[] {
  return [
    stream({
      path: '/streams/stream',
      summary: 'Live streams, at once and then every interval',
      query: IntervalQuery,
      item: StreamsBody,
      open: (query, push, hostname) =>
        repeat(deps.clock, query.intervalMs, () => push(liveStreams(deps, hostname))),
    }),
    stream({
      path: '/sessions/stream',
      summary: 'Media connections, at once and then every interval',
      query: IntervalQuery,
      item: SessionsBody,
      open: (query, push) => repeat(deps.clock, query.intervalMs, () => push(sessionsOf(deps))),
    }),
  ];
}

function liveStreams(deps: NativeDependencies, hostname: string): Streams {
  const streams = streamsOf(deps.media.sources({}), addressesFor(deps, hostname));
  return { timeMs: deps.clock.now(), total: streams.length, streams: streams.slice(0, ROW_LIMIT) };
}

function sessionsOf({ media, clock }: NativeDependencies): Sessions {
  const views = media.sessions({});
  const newest = views.toSorted((a, b) => b.startedMs - a.startedMs).slice(0, ROW_LIMIT);
  return { timeMs: clock.now(), total: views.length, sessions: newest.map(sessionOf) };
}
