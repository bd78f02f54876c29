import { memoryUsage } from 'node:process';
import type { TextStream } from '@sluice/core/http/json-stream';
import { sendReply } from '@sluice/core/http/reply';
import type { ClashOptions } from './options.ts';
import { openWebSocket, sendEvery, wantsWebSocket } from './streams.ts';
import type { ClashRow } from './table.ts';
import { connectionObject } from './views.ts';
import { encodeJson, json, NO_CONTENT } from './wire.ts';

const DEFAULT_INTERVAL_MS = 1_000;
/** Shorter intervals would only repeat the same counters at the gateway's expense. */
const MIN_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 86_400_000;

/** `/connections`. */
export function connectionRows(options: ClashOptions): readonly ClashRow[] {
  const { route } = options;
  return [
    {
      method: 'GET',
      path: '/connections',
      area: 'mounted',
      trailingSlash: true,
      summary: 'Open connections: one snapshot, or a series over WebSocket',
      query: {
        interval: {
          description: 'Milliseconds between snapshots, 1000 by default',
          schema: { type: 'integer' },
        },
      },
      replies: { 200: { description: 'Totals, connections (null when there are none) and memory' } },
      stream: (request, reply, query) => {
        if (!wantsWebSocket(request)) {
          sendReply(reply, json(snapshot(options)));
          return;
        }
        openWebSocket(request, reply, (stream) => followConnections(options, stream, query.get('interval')));
      },
    },
    {
      method: 'DELETE',
      path: '/connections',
      area: 'mounted',
      trailingSlash: true,
      summary: 'Close all connections',
      replies: { 204: { description: 'Closed' } },
      answer: () => {
        route.closeAllConnections();
        return NO_CONTENT;
      },
    },
    {
      method: 'DELETE',
      path: '/connections/:id',
      area: 'mounted',
      summary: 'Close one connection; unknown ids are no error',
      replies: { 204: { description: 'Closed' } },
      answer: ({ params }) => {
        route.closeConnection(params.id ?? '');
        return NO_CONTENT;
      },
    },
  ];
}

function snapshot({ route }: ClashOptions): object {
  const { upTotal, downTotal } = route.traffic();
  const connections = route.connections().map(connectionObject);
  return {
    downloadTotal: downTotal,
    uploadTotal: upTotal,
    connections: connections.length === 0 ? null : connections,
    memory: memoryUsage.rss(),
  };
}

/** The handshake is over before `interval` is read, so a bad one can only be answered by closing. */
function followConnections(options: ClashOptions, stream: TextStream, interval: string | null): void {
  const next = () => encodeJson(snapshot(options));
  const isInteger = !interval || /^[+-]?\d+$/.test(interval);
  if (isInteger) stream.send(next());
  const periodMs = interval ? Number(interval) : DEFAULT_INTERVAL_MS;
  if (!isInteger || periodMs <= 0) {
    stream.close();
    return;
  }
  sendEvery(stream, options.clock, Math.min(Math.max(periodMs, MIN_INTERVAL_MS), MAX_INTERVAL_MS), next);
}
