import { memoryUsage } from 'node:process';
import { sendReply } from '@sluice/core/http/reply';
import { LOG_LEVELS, type LogEntry, type LogLevel } from '@sluice/core/log/logger';
import type { ClashOptions } from './options.ts';
import { openStream, sendEvery } from './streams.ts';
import type { ClashRow, StreamAnswer } from './table.ts';
import { BODY_INVALID, encodeJson, json } from './wire.ts';

const PERIOD_MS = 1_000;

/** `/`, `/version` and the live streams of log, traffic and memory. */
export function systemRows(options: ClashOptions): readonly ClashRow[] {
  return [
    {
      method: 'GET',
      path: '/',
      area: 'leaf',
      summary: 'Say hello',
      replies: { 200: { description: 'The fixed greeting that clients check for' } },
      answer: () => json({ hello: 'mihomo' }),
    },
    {
      method: 'GET',
      path: '/version',
      area: 'leaf',
      summary: 'Version of the API',
      replies: { 200: { description: '`meta` and `version`' } },
      answer: () => json({ meta: true, version: options.version }),
    },
    {
      method: 'GET',
      path: '/logs',
      area: 'leaf',
      summary: 'Follow the log, as lines or over WebSocket',
      query: {
        level: {
          description: 'Lowest severity to send, `info` by default',
          schema: { enum: [...LOG_LEVELS] },
        },
        format: { description: '`structured` for the long form' },
      },
      replies: { 200: { description: 'One object per log line' }, 400: { description: 'Unknown level' } },
      stream: followLog(options),
    },
    {
      method: 'GET',
      path: '/traffic',
      area: 'leaf',
      summary: 'Follow the transfer rates in bytes per second',
      replies: { 200: { description: 'One object per second' } },
      stream: (request, reply) => {
        openStream(request, reply, (stream) =>
          sendEvery(stream, options.clock, PERIOD_MS, () => trafficLine(options)),
        );
      },
    },
    {
      method: 'GET',
      path: '/memory',
      area: 'leaf',
      summary: 'Follow the resident memory in bytes',
      replies: { 200: { description: 'One object per second, the first one zero' } },
      stream: (request, reply) => {
        let isFirst = true;
        openStream(request, reply, (stream) => {
          sendEvery(stream, options.clock, PERIOD_MS, () => {
            const inuse = isFirst ? 0 : memoryUsage.rss();
            isFirst = false;
            return encodeJson({ inuse, oslimit: 0 });
          });
        });
      },
    },
  ];
}

function trafficLine(options: ClashOptions): string {
  const { up, down, upTotal, downTotal } = options.route.traffic();
  return encodeJson({ up, down, upTotal, downTotal });
}

function followLog(options: ClashOptions): StreamAnswer {
  return (request, reply, query) => {
    const level = query.get('level') || 'info';
    if (!isLogLevel(level)) {
      sendReply(reply, BODY_INVALID);
      return;
    }
    const format = query.get('format') === 'structured' ? structuredLine : plainLine;
    openStream(request, reply, (stream) => {
      const unsubscribe = options.logs.subscribe(level, (entry) => stream.send(format(entry)));
      stream.onClose(unsubscribe);
    });
  };
}

function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

function plainLine(entry: LogEntry): string {
  return encodeJson({ type: entry.level, payload: payloadOf(entry) });
}

function structuredLine(entry: LogEntry): string {
  const time = new Date(entry.timeMs).toTimeString().slice(0, 8);
  const level = entry.level === 'warning' ? 'warn' : entry.level;
  return encodeJson({ time, level, message: payloadOf(entry), fields: [] });
}

/** Dashboards parse the lines about connections, so those stay as they are; others say where they come from. */
function payloadOf(entry: LogEntry): string {
  if (/^(route(\.|$)|$)/.test(entry.scope)) return entry.message;
  const fields = Object.entries(entry.fields).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `[${entry.scope}] ${entry.message}${fields.join('')}`;
}
