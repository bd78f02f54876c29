import { flushCompileCache } from 'node:module';
import { systemClock } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import { createLogHub, type LogSink } from '@sluice/core/log/log-hub';
import { textSink } from '@sluice/core/log/text-sink';
import {
  closeUnclaimedListeners,
  handOverListeners,
  inheritListeners,
} from '@sluice/core/native/listener-handover';
import { returnMemoryWhenIdle } from '@sluice/core/native/return-memory';
import { type App, createApp } from '../app.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.ts';
import { executeAgain, ProcessLifecycle } from '../process-lifecycle.ts';
import { loadSettings, type SettingsSource } from '../settings/load-settings.ts';
import { startScreen } from '../start-screen.ts';
import { printIssues, type Terminal } from '../terminal.ts';
import { watchFiles } from '../watch-files.ts';

const STOP_DEADLINE_MS = 4_500;
/** What starting left undone is done by then. */
const SETTLE_MS = 1_000;

/** `sluice run`: runs the gateway until a signal ends it; resolves with the exit code. */
export async function runCommand(source: SettingsSource, terminal: Terminal): Promise<number> {
  inheritListeners(process.env);
  const { settings, issues, files, isKernelFile } = loadSettings(source);
  printIssues(terminal, issues);
  if (settings === undefined) return EXIT_FAILED;

  const sink = await sinkFor(settings.log.format, terminal);
  const logs = createLogHub(settings.log.level, sink);
  const lifecycle = new ProcessLifecycle();
  let app: App;
  try {
    app = await createApp({ settings, logs, source, lifecycle, tolerant: isKernelFile });
    await app.start();
    closeUnclaimedListeners();
  } catch (error) {
    const hint = errorText(error).includes('EADDRINUSE') ? ' (is another instance running?)' : '';
    terminal.err(`sluice: cannot start: ${errorText(error)}${hint}`);
    return EXIT_FAILED;
  }
  terminal.out(startScreen(app.describe(), terminal.colour));
  // A gateway usually ends by a signal, which would lose what this start compiled.
  flushCompileCache();
  const settled = setTimeout(() => void returnMemoryWhenIdle(systemClock), SETTLE_MS);
  settled.unref();
  const endWatch = settings.watch ? watchConfiguration(files, app, terminal) : () => undefined;
  const next = await untilStopped(app, lifecycle, terminal);
  endWatch();
  if (next === 'restart') executeAgain();
  return EXIT_OK;
}

async function sinkFor(format: 'text' | 'json', terminal: Terminal): Promise<LogSink> {
  if (format === 'text') return textSink(process.stderr, terminal.colour);
  const { jsonSink } = await import('@sluice/core/log/json-sink');
  return jsonSink(process.stderr);
}

/** SIGINT and SIGTERM drain and stop, a second one stops at once; SIGHUP reloads. Resolves with what to do next. */
function untilStopped(app: App, lifecycle: ProcessLifecycle, terminal: Terminal): Promise<'end' | 'restart'> {
  const { promise, resolve } = Promise.withResolvers<'end' | 'restart'>();
  const impatience = new AbortController();
  let stopping = false;
  const stop = (next: 'end' | 'restart'): void => {
    if (stopping) {
      impatience.abort();
      return;
    }
    stopping = true;
    terminal.err(next === 'restart' ? 'restarting …' : 'stopping …');
    if (next === 'restart') handOverListeners(process.env);
    app
      .stop(AbortSignal.any([AbortSignal.timeout(STOP_DEADLINE_MS), impatience.signal]))
      .catch((error: unknown) => terminal.err(`sluice: stopping failed: ${errorText(error)}`))
      .then(() => resolve(next));
  };
  process.on('SIGINT', () => stop('end'));
  process.on('SIGTERM', () => stop('end'));
  void lifecycle.restartRequested.then(() => stop('restart'));
  process.on('SIGHUP', () => reload(app, terminal));
  return promise;
}

function reload(app: App, terminal: Terminal): void {
  app.reload().then(
    (reloaded) => printIssues(terminal, reloaded),
    (error: unknown) => terminal.err(`sluice: reload failed, nothing changed: ${errorText(error)}`),
  );
}

function watchConfiguration(files: readonly string[], app: App, terminal: Terminal): () => void {
  return watchFiles(
    files,
    () => reload(app, terminal),
    (error) => terminal.err(`sluice: the configuration is no longer watched: ${error.message}`),
  );
}
