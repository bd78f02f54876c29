import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Lifecycle } from '@sluice/api/clash/options';
import { type UpgradeRequest, upgradeInstallation } from './upgrade.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What the control API may do with this process; the command that runs the gateway waits for `restartRequested`. */
export class ProcessLifecycle implements Lifecycle {
  readonly restartRequested: Promise<void>;
  readonly #request: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.restartRequested = promise;
    this.#request = resolve;
  }

  checkRestart(): Promise<void> {
    const missing = [process.execPath, process.argv[1] ?? ''].find((path) => !existsSync(path));
    return missing === undefined
      ? Promise.resolve()
      : Promise.reject(new Error(`stat ${missing}: no such file or directory`));
  }

  restart(): Promise<void> {
    this.#request();
    return Promise.resolve();
  }

  async upgrade(request: UpgradeRequest): Promise<void> {
    await upgradeInstallation(request, { root: ROOT, npm: 'npm' });
  }
}

/**
 * Runs the program again with the same arguments in place of this process; where that cannot be, as its child. It takes the
 * listening sockets over that `handOverListeners` has kept.
 */
export function executeAgain(): void {
  const args = [...process.execArgv, ...process.argv.slice(1)];
  if (typeof process.execve === 'function') process.execve(process.execPath, [process.execPath, ...args]);
  else spawn(process.execPath, args, { stdio: 'inherit', detached: true }).unref();
}
