import { readFileSync } from 'node:fs';
import { errorText, GatewayError } from '@sluice/base/errors';
import { DatFile } from './dat-file.ts';
import { findGeoFile, GEO_FILES } from './geo-files.ts';
import type { GeoKind, IpList, SiteList } from './geo-source.ts';
import { compileIpList } from './ip-list.ts';
import { LiveLists } from './live-lists.ts';
import { AsnDatabase, CountryDatabase } from './mmdb-database.ts';
import { compileSiteList } from './site-list.ts';

/** The databases that are open. One that is not is opened when it is asked for, if its file is there. */
export class GeoDatabases {
  readonly #directory: string;
  #countries: CountryDatabase | undefined;
  #asns: AsnDatabase | undefined;
  readonly #files = new Map<GeoKind, DatFile>();
  /** Kinds whose file could not be opened; rules ask for every connection, so it is not tried again before `use`. */
  readonly #missing = new Set<GeoKind>();
  readonly #siteLists = new LiveLists<SiteList>();
  readonly #ipLists = new LiveLists<IpList>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The kinds that are in use. */
  get open(): ReadonlySet<GeoKind> {
    const kinds = new Set<GeoKind>(this.#files.keys());
    if (this.#countries !== undefined) kinds.add('mmdb');
    if (this.#asns !== undefined) kinds.add('asn');
    return kinds;
  }

  /**
   * Takes a file in use, instead of the one that was. Lists that were given out follow it.
   * @param failed told of lists that stay as they were, because the new file does not have them
   * @throws ProtocolError
   */
  use(kind: GeoKind, path: string, bytes: Uint8Array, failed: (name: string, error: unknown) => void): void {
    this.#missing.delete(kind);
    switch (kind) {
      case 'mmdb':
        this.#countries = new CountryDatabase(bytes);
        return;
      case 'asn':
        this.#asns = new AsnDatabase(bytes);
        return;
      case 'geosite':
        this.#files.set(kind, new DatFile(path));
        this.#siteLists.renew((key) => this.#compileSites(key), failed);
        return;
      case 'geoip':
        this.#files.set(kind, new DatFile(path));
        this.#ipLists.renew((key) => this.#compileIps(key), failed);
        return;
    }
  }

  /** Lets go of what is not in `kinds` and of which nobody holds a list. */
  retain(kinds: ReadonlySet<GeoKind>): void {
    if (!kinds.has('mmdb')) this.#countries = undefined;
    if (!kinds.has('asn')) this.#asns = undefined;
    if (!kinds.has('geosite') && !this.#siteLists.isHeld) this.#files.delete('geosite');
    if (!kinds.has('geoip') && !this.#ipLists.isHeld) this.#files.delete('geoip');
  }

  /** @throws GatewayError `geo.missing` */
  countries(): CountryDatabase {
    this.#countries ??= this.#openFile('mmdb', (path) => new CountryDatabase(readFileSync(path)));
    return this.#countries;
  }

  /** @throws GatewayError `geo.missing` */
  asns(): AsnDatabase {
    this.#asns ??= this.#openFile('asn', (path) => new AsnDatabase(readFileSync(path)));
    return this.#asns;
  }

  /** @throws GatewayError `geo.missing`, `geo.list` */
  siteList(name: string, attributes: readonly string[]): SiteList {
    const key = [name, ...attributes].map((part) => part.toLowerCase()).join('@');
    const list = this.#siteLists.get(key, () => this.#compileSites(key));
    return {
      get size() {
        return list.current.size;
      },
      matches: (host) => list.current.matches(host),
    };
  }

  /** @throws GatewayError `geo.missing`, `geo.list` */
  ipList(code: string): IpList {
    const key = code.toLowerCase();
    const list = this.#ipLists.get(key, () => this.#compileIps(key));
    return {
      get size() {
        return list.current.size;
      },
      matches: (ip) => list.current.matches(ip),
    };
  }

  #compileSites(key: string): SiteList {
    const [name = '', ...attributes] = key.split('@');
    return this.#compile('geosite', name, (bytes) => compileSiteList(bytes, attributes));
  }

  #compileIps(code: string): IpList {
    return this.#compile('geoip', code, compileIpList);
  }

  #compile<L>(kind: 'geosite' | 'geoip', name: string, compile: (bytes: Uint8Array) => L): L {
    try {
      const bytes = this.#file(kind).read(name);
      if (bytes !== undefined) return compile(bytes);
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw listError(errorText(error), error);
    }
    throw listError(`list ${name} not found in ${GEO_FILES[kind].label}`);
  }

  #file(kind: 'geosite' | 'geoip'): DatFile {
    const known = this.#files.get(kind);
    if (known !== undefined) return known;
    const file = this.#openFile(kind, (path) => new DatFile(path));
    this.#files.set(kind, file);
    return file;
  }

  #openFile<D>(kind: GeoKind, open: (path: string) => D): D {
    const path = this.#missing.has(kind) ? undefined : findGeoFile(this.#directory, kind);
    this.#missing.add(kind);
    if (path === undefined) throw missing(kind);
    try {
      const database = open(path);
      this.#missing.delete(kind);
      return database;
    } catch (error) {
      throw missing(kind, error);
    }
  }
}

function missing(kind: GeoKind, cause?: unknown): GatewayError {
  return new GatewayError('unavailable', 'geo.missing', `can't find ${GEO_FILES[kind].label}`, { cause });
}

function listError(message: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid', 'geo.list', message, { cause });
}
