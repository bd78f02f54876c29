import type { Clock } from '@sluice/base/clock';
import type { Logger, LogHub } from '@sluice/core/log/logger';
import type { RouteControl } from '@sluice/route/port';
import type { AbsentInbounds } from './absent-inbounds.ts';
import type { CorsRules } from './cors.ts';
import type { RuntimeProfiler } from './debug/runtime-profiler.ts';

/** A request to replace the running configuration; `payload` wins over `path`, both empty mean the start-up file. */
export type ReloadRequest = { readonly path: string; readonly payload: string; readonly force: boolean };

/** Which version an upgrade installs: an absent channel means that of the running one; `force` installs even the same. */
export type UpgradeRequest = { readonly channel: 'release' | 'alpha' | undefined; readonly force: boolean };

/** What the API may do with the process itself. */
export interface Lifecycle {
  /** Looks for what a restart would run. @throws an error whose text says why it cannot be found */
  checkRestart(): Promise<void>;
  /** Runs the program again with the same arguments in place of this one; called once the answer has left. */
  restart(): Promise<void>;
  /**
   * Installs another version; a restart follows when it resolves.
   * @throws an error with the text to show, such as `update error: already using latest version v1`, `get latest version: …`,
   * `downloading: …`, `unpacking: …`, `backuping: …` or `replacing: …`
   */
  upgrade(request: UpgradeRequest): Promise<void>;
}

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
  /** Path below which DNS over HTTPS is served, for example `/dns-query`; `''` switches it off. */
  readonly dohPath: string;
  /** Directory that holds the configuration; reloads from elsewhere need `safePaths`. */
  readonly homeDir: string;
  readonly safePaths: readonly string[];
  /** Present when the log level was `debug` at start; absent switches `/debug` off. */
  readonly profiler: RuntimeProfiler | undefined;
  /** One for all dialects of a gateway. */
  readonly absentInbounds: AbsentInbounds;
  readonly lifecycle: Lifecycle;
  /** @throws an error whose message is fit for the client when the configuration cannot be used */
  reload(request: ReloadRequest): Promise<void>;
};
