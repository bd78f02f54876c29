import { Ring } from '@sluice/base/ring';
import { LOG_LEVELS, type LogEntry, type Logger, type LogHub, type LogLevel } from './logger.ts';

const KEPT_ENTRIES = 1_000;

/** Where entries at or above the console level are written. */
export type LogSink = (entry: LogEntry) => void;

const severity = (level: LogLevel): number => LOG_LEVELS.indexOf(level);

type Subscriber = { readonly severity: number; readonly listener: (entry: LogEntry) => void };

/** Makes the gateway's log: entries go to the sink, into a bounded ring, and to subscribers. */
export function createLogHub(level: LogLevel, sink: LogSink, now: () => number = Date.now): LogHub {
  const ring = new Ring<LogEntry>(KEPT_ENTRIES);
  const subscribers = new Set<Subscriber>();
  let consoleLevel = level;
  let wanted = 0;

  // Debug lines are built only when the console or a subscriber wants them; everything else is always kept.
  const updateWanted = (): void => {
    const lowest = Math.min(severity(consoleLevel), ...[...subscribers].map((each) => each.severity));
    wanted = Math.min(lowest, severity('info'));
  };
  updateWanted();

  const write = (
    entryLevel: LogEntry['level'],
    scope: string,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void => {
    const entrySeverity = severity(entryLevel);
    if (entrySeverity < wanted) return;
    const entry: LogEntry = { timeMs: now(), level: entryLevel, scope, message, fields };
    ring.push(entry);
    if (entrySeverity >= severity(consoleLevel)) sink(entry);
    for (const subscriber of subscribers) {
      if (entrySeverity >= subscriber.severity) subscriber.listener(entry);
    }
  };

  const loggerFor = (scope: string): Logger => ({
    enabled: (entryLevel) => severity(entryLevel) >= wanted,
    debug: (message, fields = {}) => write('debug', scope, message, fields),
    info: (message, fields = {}) => write('info', scope, message, fields),
    warning: (message, fields = {}) => write('warning', scope, message, fields),
    error: (message, fields = {}) => write('error', scope, message, fields),
    child: (name) => loggerFor(scope === '' ? name : `${scope}.${name}`),
  });

  return {
    logger: loggerFor(''),
    get level() {
      return consoleLevel;
    },
    set level(next: LogLevel) {
      consoleLevel = next;
      updateWanted();
    },
    recent: () => ring.toArray(),
    subscribe(subscriberLevel, listener) {
      const subscriber: Subscriber = { severity: severity(subscriberLevel), listener };
      subscribers.add(subscriber);
      updateWanted();
      return () => {
        subscribers.delete(subscriber);
        updateWanted();
      };
    },
  };
}
