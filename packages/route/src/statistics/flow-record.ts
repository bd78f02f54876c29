/** What remains of a flow when it has closed. */
export type ClosedFlow = {
  readonly closedAtMs: number;
  readonly client: string;
  /** Host name, or IP when there is none. */
  readonly host: string;
  /** `Type(payload)`, or the mode when no rule chose. */
  readonly rule: string;
  /** The outbound at the end of the chain. */
  readonly outbound: string;
  readonly upload: number;
  readonly download: number;
};
