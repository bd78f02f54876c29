/** Severities in rising order; the names are the control API's. */
export const LOG_LEVELS = ['debug', 'info', 'warning', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogEntry = {
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly level: Exclude<LogLevel, 'silent'>;
  /** The part of the gateway that speaks, for example `route` or `media.rtmp`. */
  readonly scope: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
};

/** Writes log lines; check `enabled` before building a costly message. */
export interface Logger {
  enabled(level: LogLevel): boolean;
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warning(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** A logger for a part of this part; `media` → child `rtmp` → scope `media.rtmp`. */
  child(scope: string): Logger;
}

/** The gateway's log as a whole: what reaches the console, what is kept, who listens. */
export interface LogHub {
  readonly logger: Logger;
  /** The console's level; subscribers are independent of it. */
  level: LogLevel;
  /** Kept entries, oldest first. */
  recent(): readonly LogEntry[];
  /** Calls `listener` for every entry at or above `level`; returns the way to stop. */
  subscribe(level: LogLevel, listener: (entry: LogEntry) => void): () => void;
}
