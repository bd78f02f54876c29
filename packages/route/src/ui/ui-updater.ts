import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { Fetcher } from '../fetch/fetcher.ts';
import type { ExternalUi } from './external-ui.ts';
import { unpackArchive } from './unpack-archive.ts';

/** What the web interface is downloaded with. */
export type UiUpdaterParts = {
  readonly fetcher: Fetcher;
  readonly log: Logger;
  /** Never replaced, nor a directory above it. */
  readonly homeDir: string;
  readonly ui: () => ExternalUi;
};

const TIMEOUT_MS = 90_000;
const ARCHIVE_LIMIT_BYTES = 64 << 20;
const UNPACK_LIMITS = { entries: 20_000, totalBytes: 256 << 20 };

/** Downloads the web interface and puts it in place of the present one. */
export class UiUpdater {
  readonly #parts: UiUpdaterParts;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(parts: UiUpdaterParts) {
    this.#parts = parts;
  }

  /** Calls during an update share it. @throws GatewayError `ui.update` (unavailable) with the text to show; the present one stays */
  update(): Promise<void> {
    this.#running ??= this.#replace(this.#parts.ui()).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Downloads it when it is wanted and not there; a failure is logged. */
  async ensure(): Promise<void> {
    const { automatic, targetDir } = this.#parts.ui();
    if (!automatic || !(await isMissing(targetDir))) return;
    const [outcome] = await Promise.allSettled([this.update()]);
    if (outcome.status === 'rejected' && !this.#stopping.signal.aborted)
      this.#parts.log.error(`Error downloading UI: ${errorText(outcome.reason)}`);
  }

  /** Ends a download that is under way. */
  stop(): void {
    this.#stopping.abort();
  }

  async #replace({ targetDir, url }: ExternalUi): Promise<void> {
    const archive = await during("can't download file", () => this.#download(url));
    const staging = await during('prepare UI path failed', () => this.#prepare(targetDir));
    try {
      const unpacked = join(staging, 'new');
      const source = await during("can't extract compressed file", () => unpackInto(unpacked, archive));
      await during('cleanup exist file error', () => moveAway(targetDir, join(staging, 'old')));
      try {
        await during('move UI folder failed', () => rename(source, targetDir));
      } catch (error) {
        await putBack(join(staging, 'old'), targetDir);
        throw error;
      }
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }

  async #download(url: string): Promise<Uint8Array> {
    const { fetcher } = this.#parts;
    const { signal } = this.#stopping;
    const response = await fetcher.fetch({
      url,
      outbound: '',
      timeoutMs: TIMEOUT_MS,
      limitBytes: ARCHIVE_LIMIT_BYTES,
      signal,
    });
    if (response.status < 200 || response.status > 299) throw new Error(response.statusLine);
    return response.body;
  }

  /** A new directory on the same file system as the target, so that moving there is one step. */
  async #prepare(targetDir: string): Promise<string> {
    if (!/^\.\.(?:[/\\]|$)/.test(relative(targetDir, this.#parts.homeDir)))
      throw new Error(`${targetDir} holds more than the web interface`);
    const parent = dirname(targetDir);
    await mkdir(parent, { recursive: true, mode: 0o755 });
    const prefix = `.${basename(targetDir)}-`;
    await removeLeftovers(parent, prefix);
    return mkdtemp(join(parent, prefix));
  }
}

/** What an update left that was under way when the process was killed. */
async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const isOurs = name.startsWith(prefix) && /^[A-Za-z0-9]{6}$/.test(name.slice(prefix.length));
    if (isOurs) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** The directory that holds the files: the archive's one top directory, if it has just one. */
async function unpackInto(folder: string, archive: Uint8Array): Promise<string> {
  await mkdir(folder);
  const [top, ...others] = await unpackArchive(archive, folder, UNPACK_LIMITS);
  if (top === undefined) throw new Error('the archive is empty');
  const only = join(folder, top);
  return others.length === 0 && (await stat(only)).isDirectory() ? only : folder;
}

async function moveAway(path: string, to: string): Promise<void> {
  try {
    await rename(path, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function putBack(from: string, to: string): Promise<void> {
  await Promise.allSettled([rename(from, to)]);
}

async function isMissing(folder: string): Promise<boolean> {
  const [outcome] = await Promise.allSettled([readdir(folder)]);
  return outcome.status === 'rejected' || outcome.value.length === 0;
}

async function during<T>(step: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new GatewayError('unavailable', 'ui.update', `${step}: ${errorText(error)}`, { cause: error });
  }
}
