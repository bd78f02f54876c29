import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '@sluice/base/errors';
import { EXIT_FAILED } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

/** How long a reader may take for what was said last. */
const LAST_WORDS_MS = 2_000;

try {
  process.exitCode = await runProgram(process.argv.slice(2), processTerminal);
} catch (error) {
  processTerminal.err(`sluice: ${errorText(error)}`);
  process.exitCode = EXIT_FAILED;
}
await Promise.race([
  Promise.all([written(process.stdout), written(process.stderr)]),
  sleep(LAST_WORDS_MS, undefined, { ref: false }),
]);
// Whatever is still open after an orderly stop (a peer that never answers) must not keep the process.
process.exit();

/** Resolves when everything written to a pipe has gone into it, or its reader has left. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
