import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ProtocolError } from '@sluice/base/errors';
import { scanGeoList } from '@sluice/codec/geo-dat/geo-list';
import { MmdbReader } from '@sluice/codec/mmdb/reader';
import type { GeoKind } from './geo-source.ts';

/** What is peculiar to a kind of database. */
export type GeoFileKind = {
  /** Names in lower case; of several files that are there the first counts. */
  readonly names: readonly string[];
  /** The name that a download gets. */
  readonly defaultName: string;
  /** What log lines and errors call it when it is first needed. */
  readonly label: string;
  /** What errors call it when it is updated. */
  readonly title: string;
};

export const GEO_FILES: Readonly<Record<GeoKind, GeoFileKind>> = {
  mmdb: {
    names: ['country.mmdb', 'geoip.db', 'geoip.metadb'],
    defaultName: 'geoip.metadb',
    label: 'MMDB',
    title: 'MMDB',
  },
  asn: { names: ['asn.mmdb'], defaultName: 'ASN.mmdb', label: 'ASN.mmdb', title: 'ASN' },
  geoip: { names: ['geoip.dat'], defaultName: 'GeoIP.dat', label: 'GeoIP.dat', title: 'GeoIP' },
  geosite: { names: ['geosite.dat'], defaultName: 'GeoSite.dat', label: 'GeoSite.dat', title: 'GeoSite' },
};

export const GEO_KINDS: readonly GeoKind[] = ['mmdb', 'asn', 'geoip', 'geosite'];

/** The code that every published file has, so that one without it is something else. */
const COMMON_CODE = 'cn';

/** The file of a kind in a directory, by name in any case. */
export function findGeoFile(directory: string, kind: GeoKind): string | undefined {
  const files = new Map(readNames(directory).map((name) => [name.toLowerCase(), name]));
  const found = GEO_FILES[kind].names.find((name) => files.has(name));
  return found === undefined ? undefined : join(directory, files.get(found) ?? found);
}

/** Size and time of a file, `undefined` when there is none. */
export function geoFileStat(
  path: string,
): { readonly sizeBytes: number; readonly updatedAtMs: number } | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : { sizeBytes: stat.size, updatedAtMs: stat.mtimeMs };
}

/** Checks that a file can be read at all. @throws ProtocolError */
export function checkGeoFile(kind: GeoKind, bytes: Uint8Array): void {
  if (kind === 'mmdb' || kind === 'asn') new MmdbReader(bytes);
  else if (scanGeoList(bytes).size === 0) throw new ProtocolError('dat-empty', 0);
}

/** As `checkGeoFile`, and that it is the kind of file that is published. @throws ProtocolError */
export function checkGeoDownload(kind: GeoKind, bytes: Uint8Array): void {
  checkGeoFile(kind, bytes);
  if ((kind === 'geoip' || kind === 'geosite') && !scanGeoList(bytes).has(COMMON_CODE))
    throw new ProtocolError('dat-empty', 0, `no list ${COMMON_CODE.toUpperCase()}`);
}

function readNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return [];
    throw error;
  }
}
