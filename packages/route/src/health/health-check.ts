/** What a health check needs to know; several URLs can be registered for one set of nodes. */
export type HealthCheckOptions = {
  /** `''` for no automatic checks of the nodes' own. */
  readonly url: string;
  /** Canonical ranges, `*` for any. */
  readonly expectedStatus: string;
  /** 0 for no periodic check. */
  readonly intervalSeconds: number;
  readonly timeoutMs: number;
  /** Skip a periodic run when no flow used the nodes since the last. */
  readonly lazy: boolean;
};

/** A further URL that a group wants the nodes of a provider tested against. */
export type ExtraUrl = {
  readonly url: string;
  readonly expectedStatus: string;
  /** Only nodes whose name matches one of these; [] for all. */
  readonly filters: readonly RegExp[];
  /** Used when the provider itself has no interval. */
  readonly intervalSeconds: number;
};

/** Tests the nodes of one provider, or of one group's own members, periodically and on request. */
export interface HealthCheck {
  readonly options: HealthCheckOptions;
  /** Registers a URL; the same URL keeps its first status ranges and collects filters. */
  register(extra: ExtraUrl): void;
  /** A flow went through a group that uses these nodes. */
  touch(): void;
  /** Tests everything now; calls within a second share one run. Resolves when it is done, never rejects. */
  run(): Promise<void>;
  /** The nodes were loaded again: a run follows when checks are automatic. */
  nodesChanged(): void;
  start(): void;
  stop(): void;
}
