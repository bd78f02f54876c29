import type { Writable } from 'node:stream';
import pino from 'pino';
import type { LogSink } from './log-hub.ts';

/** One JSON object a line, for machines. */
export function jsonSink(output: Writable): LogSink {
  const logger = pino(
    {
      base: null,
      level: 'debug',
      customLevels: { warning: 40 },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: false,
    },
    output,
  );
  return (entry) => {
    logger[entry.level]({ ...entry.fields, time: entry.timeMs, scope: entry.scope }, entry.message);
  };
}
