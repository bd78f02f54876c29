import type { Clock } from '@sluice/base/clock';
import type { Events } from './events.ts';
import type { Logger } from './log/logger.ts';
import type { Metrics } from './metrics.ts';

/** What every plane is given by the composition root. */
export type GatewayContext = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly events: Events;
  /** Absolute path of the directory that holds everything the gateway keeps. */
  readonly dataDir: string;
};
