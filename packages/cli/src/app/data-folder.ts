import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';

/** Less than what the databases of a first start take. */
const PROBE_BYTES = 256 * 1024;

/**
 * Makes the data folder. Where nothing can be written (a full or read-only disk) it is a new temporary one, which is logged:
 * a gateway that forgets is better than none. Returns the folder to use.
 */
export function makeDataFolder(wanted: string, log: Logger): string {
  try {
    mkdirSync(wanted, { recursive: true, mode: 0o700 });
    const probe = join(mkdtempSync(join(wanted, '.probe-')), 'probe');
    try {
      writeFileSync(probe, new Uint8Array(PROBE_BYTES));
    } finally {
      rmSync(join(probe, '..'), { recursive: true, force: true });
    }
    return wanted;
  } catch (error) {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-data-'));
    log.error(
      `${wanted} cannot be written (${errorText(error)}): this run keeps its data in ${folder}, with a certificate authority of its own`,
    );
    return folder;
  }
}
