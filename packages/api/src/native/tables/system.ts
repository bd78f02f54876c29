import { LOG_LEVELS } from '@sluice/core/log/logger';
import Type from 'typebox';
import type { NativeDependencies } from '../dependencies.ts';
import { settingsOf } from '../mapping.ts';
import { LogBody, LogLevelName, LogsBody, SettingsBody, SettingsPatchBody } from '../schemas.ts';
import { type NativeRoute, type NativeStream, route, stream } from '../table.ts';

const Level = Type.Optional(LogLevelName);
const DEFAULT_LOGS = 500;

export function systemRoutes({ route: control, logs, events }: NativeDependencies): NativeRoute[] {
  return [
    route({
      method: 'GET',
      path: '/logs',
      summary: 'The newest kept log lines, oldest first',
      query: Type.Object({ level: Level, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000 })) }),
      reply: LogsBody,
      handle({ query }) {
        const least = LOG_LEVELS.indexOf(query.level ?? 'debug');
        const entries = logs.recent().filter((entry) => LOG_LEVELS.indexOf(entry.level) >= least);
        return { entries: entries.slice(-(query.limit ?? DEFAULT_LOGS)) };
      },
    }),
    route({
      method: 'GET',
      path: '/settings',
      summary: 'What can be changed while running, and the proxy ports',
      reply: SettingsBody,
      handle: () => settingsOf(control.settings(), logs.level),
    }),
    route({
      method: 'PATCH',
      path: '/settings',
      summary: 'Changes the given settings until the next start',
      body: SettingsPatchBody,
      reply: SettingsBody,
      async handle({ body }) {
        if (body.mode !== undefined) await control.patchSettings({ mode: body.mode });
        if (body.logLevel !== undefined) logs.level = body.logLevel;
        events.emit('config.changed', { section: 'settings' });
        return settingsOf(control.settings(), logs.level);
      },
    }),
  ];
}

export function systemStreams({ logs }: NativeDependencies): NativeStream[] {
  return [
    stream({
      path: '/logs/stream',
      summary: 'Log lines as they are written',
      query: Type.Object({ level: Level }),
      item: LogBody,
      open: ({ level }, push) => logs.subscribe(level ?? 'info', push),
    }),
  ];
}
