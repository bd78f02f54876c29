import { existsSync, readFileSync, statSync } from 'node:fs';

const root = new URL('../../../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };

/** The gateway's own version, `major.minor.patch`. */
export const VERSION: string = manifest.version;

/** Version of the rule kernel's control API that the compatible API answers as; its clients branch on this text. */
export const KERNEL_API_VERSION = 'v1.19.27';

/** What was checked out when, as far as the folder tells; a released package has no branch. */
export function buildInfo(): {
  readonly branchName: string;
  readonly buildTime: string;
  readonly commitHash: string;
} {
  const buildTime = statSync(new URL('package.json', root)).mtime.toISOString().slice(0, 19);
  const head = readGitFile('HEAD');
  const ref = /^ref: (\S+)$/.exec(head)?.[1];
  const commit = ref === undefined ? head : readGitFile(ref);
  return {
    branchName: ref?.replace('refs/heads/', '') ?? '',
    buildTime,
    commitHash: commit.slice(0, 7) || VERSION,
  };
}

function readGitFile(name: string): string {
  const file = new URL(`.git/${name}`, root);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
}
