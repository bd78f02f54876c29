import type { Clock } from '@sluice/base/clock';
import type { Logger, LogHub } from '@sluice/core/log/logger';
import type { RouteControl } from '@sluice/route/port';
import type { CorsRules } from './cors.ts';

/** A request to replace the running configuration; `payload` wins over `path`, both empty mean the start-up file. */
export type ReloadRequest = { readonly path: string; readonly payload: string; readonly force: boolean };

/** What the clash dialect stands on. */
export type ClashOptions = {
  readonly route: RouteControl;
  readonly logs: LogHub;
  readonly log: Logger;
  readonly clock: Clock;
  /** As `GET /version` shows it, for example `v1.19.27`. */
  readonly version: string;
  /** `''` disables authentication. */
  readonly secret: string;
  readonly cors: CorsRules;
  /** Directory served at `/ui`; absent switches the routes off. */
  readonly uiDir: string | undefined;
  /** Directory that holds the configuration; reloads from elsewhere need `safePaths`. */
  readonly homeDir: string;
  readonly safePaths: readonly string[];
  /** @throws an error whose message is fit for the client when the configuration cannot be used */
  reload(request: ReloadRequest): Promise<void>;
};
