import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };

/** The gateway's own version, `major.minor.patch`. */
export const VERSION: string = manifest.version;

/** Version of the rule kernel's control API that the compatible API answers as; its clients branch on this text. */
export const KERNEL_API_VERSION = 'v1.19.27';
