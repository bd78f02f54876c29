import type { NativeDependencies } from '../dependencies.ts';
import { type OverviewRecorder, overviewOf } from '../overview.ts';
import { OverviewBody, OverviewHistoryBody, OverviewSampleBody } from '../schemas.ts';
import { type NativeRoute, type NativeStream, route, stream } from '../table.ts';

export function overviewRoutes(deps: NativeDependencies, recorder: OverviewRecorder): NativeRoute[] {
  return [
    route({
      method: 'GET',
      path: '/overview',
      summary: 'Version, addresses, certificate authority, engines and the state of this second',
      reply: OverviewBody,
      handle: ({ hostname }) => overviewOf(deps, recorder.sample(), hostname),
    }),
    route({
      method: 'GET',
      path: '/overview/history',
      summary: 'The last ten minutes, one sample per second, oldest first',
      reply: OverviewHistoryBody,
      handle: () => ({ samples: recorder.history() }),
    }),
  ];
}

export function overviewStreams(recorder: OverviewRecorder): NativeStream[] {
  return [
    stream({
      path: '/overview/stream',
      summary: 'One sample per second, the first at once',
      item: OverviewSampleBody,
      open(_query, push) {
        push(recorder.sample());
        return recorder.watch(push);
      },
    }),
  ];
}
