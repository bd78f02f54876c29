/** The command did what was asked. */
export const EXIT_OK = 0;
/** It failed; the reason was printed. */
export const EXIT_FAILED = 1;
/** The command line could not be understood. */
export const EXIT_USAGE = 2;
