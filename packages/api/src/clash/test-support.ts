import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { createLogHub } from '@sluice/core/log/log-hub';
import type { LogHub } from '@sluice/core/log/logger';
import { silentLogger } from '../test-support/http-client.ts';
import { NOW_MS } from '../test-support/route-views.ts';
import { DEFAULT_CORS } from './cors.ts';
import type { ClashOptions, ReloadRequest } from './options.ts';
import { FakeRoute } from './test-support/fake-route.ts';

export type ClashFixture = ClashOptions & {
  readonly route: FakeRoute;
  readonly clock: FakeClock;
  readonly logs: LogHub;
  readonly reloads: ReloadRequest[];
};

/** Options over fakes; `reload` remembers requests and refuses the payload `bad`. */
export function clashFixture(
  overrides: Partial<Pick<ClashOptions, 'secret' | 'cors' | 'uiDir'>> = {},
): ClashFixture {
  const reloads: ReloadRequest[] = [];
  return {
    route: new FakeRoute(),
    logs: createLogHub(
      'info',
      () => {},
      () => NOW_MS,
    ),
    log: silentLogger,
    clock: new FakeClock(NOW_MS),
    version: 'v1.19.27',
    secret: '',
    cors: DEFAULT_CORS,
    uiDir: undefined,
    homeDir: '/home/sluice',
    safePaths: ['/etc/sluice'],
    reloads,
    async reload(request) {
      if (request.payload === 'bad') throw new GatewayError('invalid', 'config.invalid', 'yaml: line 1: bad');
      reloads.push(request);
    },
    ...overrides,
  };
}
