import { delimiter, isAbsolute, relative, resolve } from 'node:path';
import { GatewayError } from '@sluice/base/errors';

/** Which files a configuration may name. */
export class SafePaths {
  readonly homeDir: string;
  readonly #roots: readonly string[];
  readonly #isUnrestricted: boolean;

  /** `environment` can add roots (`SAFE_PATHS`, a list in the system's syntax) or allow everything (`SKIP_SAFE_PATH_CHECK`). */
  constructor(homeDir: string, environment: Readonly<Record<string, string | undefined>>) {
    this.homeDir = resolve(homeDir);
    const more = (environment['SAFE_PATHS'] ?? '').split(delimiter).filter((root) => root !== '');
    this.#roots = [this.homeDir, ...more.map((root) => resolve(this.homeDir, root))];
    this.#isUnrestricted = /^(?:1|t|true)$/i.test(environment['SKIP_SAFE_PATH_CHECK'] ?? '');
  }

  /** The absolute form of a path; relative ones start at the home directory. @throws GatewayError `route.path` */
  resolve(path: string): string {
    const absolute = resolve(this.homeDir, path);
    if (this.#isUnrestricted || this.#roots.some((root) => isBelow(root, absolute))) return absolute;
    throw new GatewayError('invalid', 'route.path', `path is not subpath of home directory: ${absolute}`);
  }
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !/^\.\.[/\\]/.test(way) && !isAbsolute(way);
}
