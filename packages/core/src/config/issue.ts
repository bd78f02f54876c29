/** Where a value stands in the configuration: keys and list indices from the root. */
export type ConfigPath = readonly (string | number)[];

/** One finding about the configuration, with the place it was found at. */
export type ConfigIssue = {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  readonly path: ConfigPath;
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
};

/** How a plane reports what a schema cannot see (unknown names, overlaps, …); the loader adds file, line and column. */
export type ReportIssue = (
  severity: 'error' | 'warning',
  path: ConfigPath,
  message: string,
  detail?: { readonly expected?: string; readonly found?: string },
) => void;
