import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { Fetcher } from '../fetch/fetcher.ts';
import type { GeoControl, GeoSettings } from '../port.ts';
import { AutoUpdate } from './auto-update.ts';
import { GeoDatabases } from './geo-databases.ts';
import { downloadGeoFile, saveGeoFile, touchIfSame } from './geo-download.ts';
import {
  checkGeoDownload,
  checkGeoFile,
  findGeoFile,
  GEO_FILES,
  GEO_KINDS,
  geoFileStat,
} from './geo-files.ts';
import type { GeoKind, GeoSource, IpList, SiteList } from './geo-source.ts';

export type GeoStoreOptions = {
  readonly directory: string;
  readonly settings: GeoSettings;
  readonly fetcher: Fetcher;
  readonly clock: Clock;
  readonly logger: Logger;
};

/**
 * The geo databases of a directory. `ensure` makes present what a configuration needs before its rules are compiled; after
 * `start` they are updated by themselves if the settings say so, until `stop`.
 */
export class GeoStore implements GeoSource, GeoControl {
  readonly #directory: string;
  readonly #fetcher: Fetcher;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #databases: GeoDatabases;
  readonly #autoUpdate: AutoUpdate;
  readonly #loading = new Map<GeoKind, Promise<void>>();
  #settings: GeoSettings;
  #updating = false;
  #stopping = new AbortController();

  constructor({ directory, settings, fetcher, clock, logger }: GeoStoreOptions) {
    this.#directory = directory;
    this.#settings = settings;
    this.#fetcher = fetcher;
    this.#clock = clock;
    this.#logger = logger;
    this.#databases = new GeoDatabases(directory);
    this.#autoUpdate = new AutoUpdate({
      clock,
      logger,
      update: () => this.update(),
      oldestMs: () => this.#oldestMs(),
    });
  }

  get datMode(): boolean {
    return this.#settings.datMode;
  }

  /** Takes other settings in force. They hold for what is compiled and downloaded from now on. */
  configure(settings: GeoSettings): void {
    this.#settings = settings;
    this.#autoUpdate.configure(settings);
  }

  /** Lets go of databases that a configuration which has just been put in force does not read. */
  retain(kinds: ReadonlySet<GeoKind>): void {
    this.#databases.retain(kinds);
  }

  /** Begins automatic updates; a file older than the interval is updated at once. */
  start(): void {
    this.#stopping = new AbortController();
    this.#autoUpdate.start(this.#settings);
  }

  /** Ends automatic updates and downloads under way. */
  stop(): void {
    this.#autoUpdate.stop();
    this.#stopping.abort();
  }

  /**
   * Opens databases; those that are missing or cannot be read are downloaded.
   * @throws GatewayError `geo.download` (`can't download GeoSite.dat: …`, `can't remove invalid GeoSite.dat: …`)
   */
  async ensure(kinds: ReadonlySet<GeoKind>): Promise<void> {
    const results = await Promise.allSettled([...kinds].map((kind) => this.#ensureKind(kind)));
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
    }
  }

  async update(): Promise<void> {
    if (this.#updating) throw new GatewayError('conflict', 'geo.busy', 'GEO database is updating, skip');
    this.#updating = true;
    try {
      for (const kind of this.#databases.open) await this.#updateKind(kind);
    } finally {
      this.#updating = false;
    }
  }

  databases(): ReturnType<GeoControl['databases']> {
    return GEO_KINDS.flatMap((kind) => {
      const path = findGeoFile(this.#directory, kind);
      const stat = path === undefined ? undefined : geoFileStat(path);
      return path === undefined || stat === undefined ? [] : [{ kind, path, ...stat }];
    });
  }

  countriesOf(ip: string): readonly string[] {
    return this.#databases.countries().codesOf(ip);
  }

  asnOf(ip: string): { readonly number: string; readonly organization: string } {
    return this.#databases.asns().asnOf(ip);
  }

  siteList(name: string, attributes: readonly string[]): SiteList {
    return this.#databases.siteList(name, attributes);
  }

  ipList(code: string): IpList {
    return this.#databases.ipList(code);
  }

  ipListSize(code: string): number {
    if (!this.datMode) return 0;
    try {
      return this.ipList(code).size;
    } catch (error) {
      if (error instanceof GatewayError) return 0;
      throw error;
    }
  }

  /** Calls for a database that is being loaded wait for that. */
  #ensureKind(kind: GeoKind): Promise<void> {
    if (this.#databases.open.has(kind)) return Promise.resolve();
    const underWay = this.#loading.get(kind);
    if (underWay !== undefined) return underWay;
    const loading = this.#load(kind).finally(() => this.#loading.delete(kind));
    this.#loading.set(kind, loading);
    return loading;
  }

  async #load(kind: GeoKind): Promise<void> {
    const { label, defaultName } = GEO_FILES[kind];
    const path = findGeoFile(this.#directory, kind);
    if (path === undefined) {
      this.#logger.info(`Can't find ${label}, start download`);
      await this.#download(kind, join(this.#directory, defaultName));
      return;
    }
    try {
      const bytes = await readFile(path);
      checkGeoFile(kind, bytes);
      this.#use(kind, path, bytes);
    } catch (error) {
      this.#logger.warning(`${label} invalid, remove and download: ${errorText(error)}`);
      await this.#remove(kind, path);
      await this.#download(kind, path);
    }
  }

  async #remove(kind: GeoKind, path: string): Promise<void> {
    try {
      await rm(path);
    } catch (error) {
      throw downloadError(`can't remove invalid ${GEO_FILES[kind].label}: ${errorText(error)}`, error);
    }
  }

  async #download(kind: GeoKind, path: string): Promise<void> {
    const { label } = GEO_FILES[kind];
    let bytes: Uint8Array;
    try {
      bytes = await this.#fetch(kind);
      checkGeoDownload(kind, bytes);
    } catch (error) {
      const url = this.#settings.urls[kind];
      throw downloadError(`can't download ${label}: ${errorText(error)} (${url})`, error);
    }
    this.#use(kind, await this.#save(kind, path, bytes), bytes);
    this.#logger.info(`Download ${label} finish`);
  }

  /** On a full or read-only disk the file serves from a temporary folder until the next start. Returns where it is. */
  async #save(kind: GeoKind, path: string, bytes: Uint8Array): Promise<string> {
    const { label } = GEO_FILES[kind];
    try {
      await saveGeoFile(path, bytes);
      return path;
    } catch (error) {
      this.#logger.error(`${label} is not kept over a restart: ${errorText(error)}`);
    }
    try {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-geo-'));
      await saveGeoFile(join(folder, basename(path)), bytes);
      return join(folder, basename(path));
    } catch (error) {
      throw downloadError(`can't save ${label}: ${errorText(error)}`, error);
    }
  }

  async #updateKind(kind: GeoKind): Promise<void> {
    const { title, defaultName } = GEO_FILES[kind];
    const failed = (what: string) => (error: unknown) => {
      const message = `${what} ${title} database file: ${errorText(error)}`;
      throw new GatewayError('unavailable', 'geo.update', message, { cause: error });
    };
    const bytes = await this.#fetch(kind).catch(failed("can't download"));
    const path = findGeoFile(this.#directory, kind) ?? join(this.#directory, defaultName);
    if (await touchIfSame(path, bytes, this.#clock.now()).catch(failed("can't save"))) return;
    attempt(() => checkGeoDownload(kind, bytes), failed('invalid'));
    await saveGeoFile(path, bytes).catch(failed("can't save"));
    this.#use(kind, path, bytes);
  }

  #fetch(kind: GeoKind): Promise<Uint8Array> {
    return downloadGeoFile(this.#fetcher, this.#settings.urls[kind], this.#stopping.signal);
  }

  #use(kind: GeoKind, path: string, bytes: Uint8Array): void {
    this.#databases.use(kind, path, bytes, (name, error) =>
      this.#logger.warning(`${GEO_FILES[kind].label}: ${name} stays as it was: ${errorText(error)}`),
    );
  }

  /** When the oldest file in use was written, `undefined` when none is. */
  #oldestMs(): number | undefined {
    const open = this.#databases.open;
    const times = this.databases().flatMap(({ kind, updatedAtMs }) => (open.has(kind) ? [updatedAtMs] : []));
    return times.length === 0 ? undefined : Math.min(...times);
  }
}

function attempt(task: () => void, failed: (error: unknown) => never): void {
  try {
    task();
  } catch (error) {
    failed(error);
  }
}

function downloadError(message: string, cause: unknown): GatewayError {
  return new GatewayError('unavailable', 'geo.download', message, { cause });
}
