import type { Writable } from 'node:stream';
import type { LogSink } from './log-hub.ts';

const COLOURS = {
  debug: '\u001b[90m',
  info: '\u001b[36m',
  warning: '\u001b[33m',
  error: '\u001b[31m',
} as const;
const RESET = '\u001b[0m';

/** Readable lines: `12:34:56.789 info  route  message key=value`. */
export function textSink(output: Writable, colour: boolean): LogSink {
  return (entry) => {
    const time = new Date(entry.timeMs).toTimeString().slice(0, 8);
    const millis = String(entry.timeMs % 1000).padStart(3, '0');
    const level = entry.level.padEnd(7);
    const fields = Object.entries(entry.fields)
      .map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join('');
    const shown = colour ? `${COLOURS[entry.level]}${level}${RESET}` : level;
    output.write(
      `${time}.${millis} ${shown} ${entry.scope.padEnd(8)} ${sanitize(entry.message)}${sanitize(fields)}\n`,
    );
  };
}

/** What peers send reaches log lines (host names, user agents), so control characters must not reach a terminal. */
function sanitize(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
