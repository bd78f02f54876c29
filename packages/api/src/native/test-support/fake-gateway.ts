import { type Clock, systemClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { Events } from '@sluice/core/events';
import { LOG_LEVELS, type LogEntry, type Logger, type LogHub, type LogLevel } from '@sluice/core/log/logger';
import type { NativeDependencies } from '../dependencies.ts';
import { FakeInspect } from './fake-inspect.ts';
import { FakeMedia } from './fake-media.ts';
import { FakeRoute } from './fake-route.ts';

/** A log that keeps everything in memory. */
export class FakeLogs implements LogHub {
  level: LogLevel = 'info';
  readonly logger: Logger = this.#loggerFor('test');
  readonly #entries: LogEntry[] = [];
  readonly #listeners = new Set<(entry: LogEntry) => void>();

  recent(): readonly LogEntry[] {
    return this.#entries;
  }

  subscribe(level: LogLevel, listener: (entry: LogEntry) => void): () => void {
    const filtered = (entry: LogEntry) => {
      if (LOG_LEVELS.indexOf(entry.level) >= LOG_LEVELS.indexOf(level)) listener(entry);
    };
    this.#listeners.add(filtered);
    return () => void this.#listeners.delete(filtered);
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  write(level: LogEntry['level'], scope: string, message: string, fields: LogEntry['fields'] = {}): void {
    const entry: LogEntry = { timeMs: Date.now(), level, scope, message, fields };
    this.#entries.push(entry);
    for (const listener of this.#listeners) listener(entry);
  }

  #loggerFor(scope: string): Logger {
    return {
      enabled: () => true,
      debug: (message, fields) => this.write('debug', scope, message, fields),
      info: (message, fields) => this.write('info', scope, message, fields),
      warning: (message, fields) => this.write('warning', scope, message, fields),
      error: (message, fields) => this.write('error', scope, message, fields),
      child: (name) => this.#loggerFor(`${scope}.${name}`),
    };
  }
}

/** Controls with believable contents that remember what was asked of them. */
export type FakeGateway = NativeDependencies & {
  readonly route: FakeRoute;
  readonly inspect: FakeInspect;
  readonly media: FakeMedia;
  readonly logs: FakeLogs;
};

export function createFakeGateway(options: { clock?: Clock; controlPort?: number } = {}): FakeGateway {
  const clock = options.clock ?? systemClock;
  const events = new Events((error) => {
    throw new GatewayError('internal', 'test.listener', 'an event listener threw', { cause: error });
  });
  return {
    route: new FakeRoute(clock),
    inspect: new FakeInspect(clock, events),
    media: new FakeMedia(clock),
    logs: new FakeLogs(),
    events,
    clock,
    version: '0.1.0-test',
    startedMs: clock.now() - 4_000_000,
    dataDir: '/var/lib/sluice',
    apiListeners: () => [
      { plane: 'control', name: 'control', host: '127.0.0.1', port: options.controlPort ?? 9090 },
    ],
    engines: () => [
      { name: 'aead', active: true, detail: 'OpenSSL 3.5' },
      { name: 'splice', active: false, detail: 'not available here, streams are relayed in JavaScript' },
    ],
  };
}
