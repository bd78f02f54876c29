import type { LogLine, Logs } from '@sluice/api/native/types';
import { useEffect, useState } from 'react';
import { ApiError, call } from '../api/client.ts';
import { openLive } from '../api/live.ts';

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
  useEffect(() => {
    if (paused) return undefined;
    let waiting: NumberedLine[] = [];
    let frame: number | undefined;
    // A burst of lines costs one rendering per frame, not one per line.
    const flush = () => {
      frame = undefined;
      const batch = waiting;
      waiting = [];
      setLines((now) => [...now, ...batch].slice(-KEPT_LINES));
    };
    const stop = openLive<LogLine>(
      '/logs/stream',
      { level },
      (line) => {
        waiting = [...waiting.slice(-KEPT_LINES + 1), numbered(line)];
        frame ??= requestAnimationFrame(flush);
      },
      (state) => {
        if (state === 'open') void readKept(level, setLines);
      },
    );
    return () => {
      stop();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [level, paused]);
  return lines;
}

async function readKept(
  level: LogLine['level'],
  show: (lines: readonly NumberedLine[]) => void,
): Promise<void> {
  try {
    const { entries } = await call<Logs>('GET', '/logs', { query: { level, limit: KEPT_LINES } });
    show(entries.map(numbered));
  } catch (error) {
    // The banner tells; reconnecting reads again.
    if (!(error instanceof ApiError)) throw error;
  }
}
