import type { Logger } from '@sluice/core/log/logger';

/** A logger that keeps `level message` lines, for tests only. */
export class LogRecorder implements Logger {
  readonly lines: string[] = [];

  enabled(): boolean {
    return true;
  }
  debug(message: string): void {
    this.lines.push(`debug ${message}`);
  }
  info(message: string): void {
    this.lines.push(`info ${message}`);
  }
  warning(message: string): void {
    this.lines.push(`warning ${message}`);
  }
  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
  child(): Logger {
    return this;
  }
}
