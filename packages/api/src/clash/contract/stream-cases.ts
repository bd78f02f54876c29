import { NOW_MS } from '../../test-support/route-views.ts';
import type { ClashFixture } from '../test-support.ts';

/** A live stream and its first messages, the same over WebSocket and as lines. */
export type StreamCase = {
  readonly endpoint: string;
  readonly name: string;
  readonly path: string;
  /** Only over WebSocket. */
  readonly socketOnly?: boolean;
  /** Makes the next message due. */
  readonly act: (fixture: ClashFixture) => void;
  readonly messages: readonly (string | RegExp)[];
};

const TRAFFIC = '{"up":1,"down":2,"upTotal":3,"downTotal":4}\n';
const second = ({ clock }: ClashFixture): void => clock.advance(1_000);
const write =
  (level: 'debug' | 'info' | 'warning' | 'error', message: string) =>
  ({ logs }: ClashFixture): void =>
    logs.logger.child('route')[level](message);
const TIME = new Date(NOW_MS).toTimeString().slice(0, 8);
const ROUTED = '[TCP] 127.0.0.1:1 --> a.example:443 match DomainSuffix(a.example) using Proxy[Japan]';

export const STREAM_CASES: readonly StreamCase[] = [
  {
    endpoint: 'GET /traffic',
    name: 'rates and totals',
    path: '/traffic',
    act: second,
    messages: [TRAFFIC, TRAFFIC],
  },
  {
    endpoint: 'GET /memory',
    name: 'zero first',
    path: '/memory',
    act: second,
    messages: ['{"inuse":0,"oslimit":0}\n', /^\{"inuse":[1-9]\d*,"oslimit":0\}\n$/],
  },
  {
    endpoint: 'GET /logs',
    name: 'from info on',
    path: '/logs',
    act: write('info', ROUTED),
    messages: [`{"type":"info","payload":"${ROUTED.replace('>', '\\u003e')}"}\n`],
  },
  {
    endpoint: 'GET /logs',
    name: 'an empty level is info',
    path: '/logs?level=',
    act: write('warning', 'w'),
    messages: ['{"type":"warning","payload":"w"}\n'],
  },
  {
    endpoint: 'GET /logs',
    name: 'finer than the console',
    path: '/logs?level=debug',
    act: write('debug', 'd'),
    messages: ['{"type":"debug","payload":"d"}\n'],
  },
  {
    endpoint: 'GET /logs',
    name: 'errors only',
    path: '/logs?level=error&format=plain',
    act: (fixture) => {
      write('warning', 'w')(fixture);
      write('error', 'e')(fixture);
    },
    messages: ['{"type":"error","payload":"e"}\n'],
  },
  {
    endpoint: 'GET /logs',
    name: 'the long form',
    path: '/logs?format=structured',
    act: write('warning', 'w'),
    messages: [`{"time":"${TIME}","level":"warn","message":"w","fields":[]}\n`],
  },
  {
    endpoint: 'GET /connections',
    name: 'a snapshot at once and then at the interval',
    path: '/connections?interval=100',
    socketOnly: true,
    act: ({ clock }) => clock.advance(100),
    messages: [/^\{"downloadTotal":4,.*\}\n$/, /^\{"downloadTotal":4,.*\}\n$/],
  },
];
