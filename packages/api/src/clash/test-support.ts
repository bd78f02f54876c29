import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { createLogHub } from '@sluice/core/log/log-hub';
import type { LogHub } from '@sluice/core/log/logger';
import { silentLogger } from '../test-support/http-client.ts';
import { NOW_MS } from '../test-support/route-views.ts';
import { AbsentInbounds } from './absent-inbounds.ts';
import { DEFAULT_CORS } from './cors.ts';
import type { ClashOptions, Lifecycle, ReloadRequest, UpgradeRequest } from './options.ts';
import { FakeRoute } from './test-support/fake-route.ts';

export type ClashFixture = ClashOptions & {
  readonly route: FakeRoute;
  readonly clock: FakeClock;
  readonly logs: LogHub;
  readonly reloads: ReloadRequest[];
  /** What the next reload throws. */
  refusal: GatewayError | undefined;
  readonly lifecycle: FakeLifecycle;
};

/** A process that cannot be restarted, only asked to. */
export class FakeLifecycle implements Lifecycle {
  readonly asked: string[] = [];
  /** Why the program cannot be found, `''` when it can. */
  missing = '';
  upgradeFailure = '';
  /** Called by the next restart. */
  onRestart: () => void = () => {};

  async checkRestart(): Promise<void> {
    if (this.missing !== '') throw new Error(this.missing);
  }

  async restart(): Promise<void> {
    this.asked.push('restart');
    this.onRestart();
  }

  async upgrade(request: UpgradeRequest): Promise<void> {
    this.asked.push(`upgrade ${request.channel} ${request.force}`);
    if (this.upgradeFailure !== '') throw new GatewayError('unavailable', 'upgrade', this.upgradeFailure);
  }
}

/** Options over fakes; `reload` remembers requests. */
export function clashFixture(
  overrides: Partial<Pick<ClashOptions, 'secret' | 'cors' | 'uiDir' | 'dohPath' | 'profiler'>> = {},
): ClashFixture {
  const reloads: ReloadRequest[] = [];
  const fixture: ClashFixture = {
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
    dohPath: '',
    profiler: undefined,
    absentInbounds: new AbsentInbounds(),
    lifecycle: new FakeLifecycle(),
    homeDir: '/home/sluice',
    safePaths: ['/etc/sluice'],
    reloads,
    refusal: undefined,
    async reload(request) {
      if (fixture.refusal !== undefined) throw fixture.refusal;
      reloads.push(request);
    },
    ...overrides,
  };
  return fixture;
}
