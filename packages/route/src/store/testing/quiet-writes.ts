import { FakeClock } from '@sluice/base/clock';
import type { Logger } from '@sluice/core/log/logger';
import { WriteGuard } from '../write-guard.ts';

/** A log that collects its lines. */
export function collectingLog(lines: string[]): Logger {
  const write = (message: string): void => void lines.push(message);
  const log: Logger = {
    enabled: () => true,
    debug: write,
    info: write,
    warning: write,
    error: write,
    child: () => log,
  };
  return log;
}

/** A guard whose lines, if any, are collected in `lines`. */
export function quietWrites(lines: string[] = [], clock = new FakeClock()): WriteGuard {
  return new WriteGuard(collectingLog(lines), clock);
}
