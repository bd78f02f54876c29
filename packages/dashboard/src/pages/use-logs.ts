import type { LogLine, Logs } from '@sluice/api/native/types';
import { useEffect, useState } from 'react';
import { call } from '../api/client.ts';
import { openLive } from '../api/live.ts';
import { reportRefusal } from '../ui/action.ts';

const KEPT_LINES = 2000;

/** A line with a number of its own, so that lists can tell equal lines apart. */
export type NumberedLine = LogLine & { readonly id: number };

let nextId = 1;

function numbered(line: LogLine): NumberedLine {
  return { ...line, id: nextId++ };
}

/** Kept lines at or above `level`, then what is written from now on; oldest first. */
export function useLogs(level: LogLine['level'], paused: boolean): readonly NumberedLine[] {
  const [lines, setLines] = useState<readonly NumberedLine[]>([]);
  useEffect(() => (paused ? undefined : followLogs(level, setLines)), [level, paused]);
  return lines;
}

type Change = (change: (now: readonly NumberedLine[]) => readonly NumberedLine[]) => void;

function followLogs(level: LogLine['level'], change: Change): () => void {
  let waiting: LogLine[] = [];
  let reading = true;
  let frame: number | undefined;
  // A burst of lines costs one rendering per frame, not one per line.
  const flush = () => {
    frame = undefined;
    const batch = waiting.map(numbered);
    waiting = [];
    change((now) => [...now, ...batch].slice(-KEPT_LINES));
  };
  const onLine = (line: LogLine) => {
    waiting = [...waiting.slice(-KEPT_LINES + 1), line];
    if (!reading) frame ??= requestAnimationFrame(flush);
  };
  const readKept = async () => {
    reading = true;
    const kept = await keptLines(level);
    reading = false;
    if (kept !== undefined) {
      // What was written while the request was under way came both ways.
      const known = new Set(kept.map(keyOf));
      waiting = waiting.filter((line) => !known.has(keyOf(line)));
      change(() => kept.map(numbered));
    }
    flush();
  };
  const stop = openLive<LogLine>('/logs/stream', { level }, onLine, (state) => {
    if (state === 'open') void readKept();
  });
  return () => {
    stop();
    if (frame !== undefined) cancelAnimationFrame(frame);
  };
}

function keyOf(line: LogLine): string {
  return `${line.timeMs} ${line.scope} ${line.message}`;
}

async function keptLines(level: LogLine['level']): Promise<readonly LogLine[] | undefined> {
  try {
    return (await call<Logs>('GET', '/logs', { query: { level, limit: KEPT_LINES } })).entries;
  } catch (error) {
    reportRefusal(error);
    return undefined;
  }
}
