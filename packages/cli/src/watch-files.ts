import { createHash } from 'node:crypto';
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Clock, systemClock, type Timer } from '@sluice/base/clock';

/** Editors write a file in several steps; this much quiet means that they are done. */
const SETTLE_MS = 300;

/**
 * Calls back when the content of a file has changed and stayed so for a moment. Folders are watched, because most editors
 * replace a file instead of writing into it. The result ends that.
 */
export function watchFiles(
  files: readonly string[],
  onChange: () => void,
  onError: (error: Error) => void,
  clock: Clock = systemClock,
): () => void {
  let seen = files.map(digestOf).join();
  let timer: Timer | undefined;
  const look = () => {
    timer = undefined;
    const now = files.map(digestOf).join();
    if (now === seen) return;
    seen = now;
    onChange();
  };
  const names = new Set(files.map((file) => basename(file)));
  const watchers = new Set<FSWatcher>();
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    const watcher = watch(folder, (_event, name) => {
      if (name !== null && !names.has(name)) return;
      timer?.cancel();
      timer = clock.after(SETTLE_MS, look);
    });
    watcher.on('error', onError);
    watchers.add(watcher);
  }
  return () => {
    timer?.cancel();
    for (const watcher of watchers) watcher.close();
  };
}

/** What a file holds, in short; a missing one holds nothing. */
function digestOf(file: string): string {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    // Between being removed and being written again there is nothing to compare with.
    return '';
  }
}
