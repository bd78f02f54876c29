import { join, relative, resolve } from 'node:path';
import { errorText } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import type { SafePaths } from '../provider/safe-paths.ts';

/** Where the web interface is and where it comes from. */
export type ExternalUi = {
  /** Absolute path of what is served, `''` for nothing. */
  readonly servedDir: string;
  /** Absolute path of what a download replaces. */
  readonly targetDir: string;
  readonly url: string;
  /** Whether it is downloaded when it is not there. */
  readonly automatic: boolean;
};

/** The keys as they are written. */
export type RawExternalUi = {
  readonly 'external-ui': string;
  readonly 'external-ui-name': string;
  readonly 'external-ui-url': string;
};

/** Where the web interface comes from when nothing is written. */
export const DEFAULT_UI_URL = 'https://github.com/MetaCubeX/metacubexd/archive/refs/heads/gh-pages.zip';
const DEFAULT_FOLDER = 'ui';

/** Checks the keys of the web interface; what is in error is reported and ignored. */
export function resolveExternalUi(raw: RawExternalUi, paths: SafePaths, report: ReportIssue): ExternalUi {
  const name = raw['external-ui-name'];
  const isLocal = isLocalName(name);
  if (!isLocal) report('error', ['external-ui-name'], `external UI name is not local: ${name}`);
  const written = raw['external-ui'];
  const folder = resolveFolder(written, paths, report);
  const url = raw['external-ui-url'];
  return {
    servedDir: written === '' ? '' : folder,
    targetDir: isLocal && name !== '' ? join(folder, name) : folder,
    url: url === '' ? DEFAULT_UI_URL : url,
    automatic: written !== '' || name !== '',
  };
}

function resolveFolder(written: string, paths: SafePaths, report: ReportIssue): string {
  const fallback = join(paths.homeDir, DEFAULT_FOLDER);
  if (written === '') return fallback;
  try {
    return paths.resolve(written);
  } catch (error) {
    report('error', ['external-ui'], errorText(error));
    return fallback;
  }
}

function isLocalName(name: string): boolean {
  if (name === '') return true;
  const way = relative('/ui', resolve('/ui', name));
  return (
    !name.startsWith('/') && !name.includes('\\') && way !== '' && way !== '..' && !way.startsWith('../')
  );
}
