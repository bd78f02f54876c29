import { errorText } from '@sluice/base/errors';
import { EXIT_FAILED } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

try {
  process.exitCode = await runProgram(process.argv.slice(2), processTerminal);
} catch (error) {
  processTerminal.err(`sluice: ${errorText(error)}`);
  process.exitCode = EXIT_FAILED;
}
// Whatever is still open after an orderly stop (a peer that never answers) must not keep the process.
process.exit();
