/** One download. */
export type FetchRequest = {
  /** http or https; user info becomes Basic credentials. */
  readonly url: string;
  /** Outbound or group to go through, `''` for the rules. */
  readonly outbound: string;
  /** Lower-case names. `user-agent` replaces the configured one. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly timeoutMs: number;
  /** What follows is not read. */
  readonly limitBytes: number;
  /** With true a longer body is cut at the limit, else it is an error. */
  readonly truncate?: boolean;
  readonly signal?: AbortSignal;
};

export type FetchResponse = {
  readonly status: number;
  /** `404 Not Found` */
  readonly statusLine: string;
  /** Lower-case names, several values joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
};

/** Downloads through the gateway's own routing (as an `Inner` flow); redirects are followed. */
export interface Fetcher {
  /** Resolves for every status. @throws GatewayError `fetch.failed` (unavailable), `fetch.timeout` (timeout), `fetch.too-large` (unavailable) */
  fetch(request: FetchRequest): Promise<FetchResponse>;
}
