import type { Clock } from '@sluice/base/clock';
import type { Events } from '@sluice/core/events';
import type { LogHub } from '@sluice/core/log/logger';
import type { InspectControl } from '@sluice/inspect/port';
import type { MediaControl } from '@sluice/media/port';
import type { RouteControl } from '@sluice/route/port';
import type { Engine, Listener } from './types.ts';

/** Everything the native API is allowed to see of the gateway. */
export type NativeDependencies = {
  readonly route: RouteControl;
  readonly inspect: InspectControl;
  readonly media: MediaControl;
  readonly logs: LogHub;
  readonly events: Events;
  readonly clock: Clock;
  readonly version: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedMs: number;
  /** Where everything is kept. */
  readonly dataDir: string;
  /** The HTTP listeners the APIs are served on, with the plane each belongs to. */
  apiListeners(): readonly Listener[];
  /** Which native engines run and which are replaced by their fallback. */
  engines(): readonly Engine[];
};
