/** One side's message as stored. */
export type StoredBody = {
  /** Bytes on the wire, whether or not all of them were kept. */
  readonly sizeBytes: number;
  /** Bytes kept. */
  readonly storedBytes: number;
  readonly truncated: boolean;
};

/** Header lines in wire order and case. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

/** Milliseconds since the Unix epoch at which each phase was reached; absent when it was not. */
export type ExchangeTiming = {
  readonly startedMs: number;
  readonly requestEndMs?: number;
  readonly connectedMs?: number;
  readonly responseStartMs?: number;
  readonly endedMs?: number;
};

/** One row of the live list. */
export type ExchangeSummary = {
  readonly id: string;
  /** Rises by one per stored exchange; the cursor of the live list. */
  readonly sequence: number;
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly scheme: 'http' | 'https';
  /** 0 when no response arrived. */
  readonly status: number;
  readonly contentType: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
  readonly startedMs: number;
  readonly clientIp: string;
  readonly error: string;
  /** Id of the response rule that changed the answer, `''` for none. */
  readonly ruleId: string;
  readonly flowId: string;
};

export type RequestRecord = {
  readonly id: string;
  readonly exchangeId: string;
  readonly url: string;
  readonly method: string;
  readonly host: string;
  readonly port: number;
  readonly scheme: 'http' | 'https';
  readonly httpVersion: string;
  readonly headers: HeaderLines;
  readonly trailers: HeaderLines;
  readonly body: StoredBody;
  readonly captureType: string;
  readonly storedMs: number;
  readonly clientIp: string;
  /** Outbound chain, leaf first. */
  readonly route: readonly string[];
  readonly timing: ExchangeTiming;
};

export type ResponseRecord = {
  readonly id: string;
  readonly requestId: string;
  readonly exchangeId: string;
  readonly url: string;
  readonly method: string;
  readonly host: string;
  readonly status: number;
  readonly statusText: string;
  readonly httpVersion: string;
  readonly headers: HeaderLines;
  readonly trailers: HeaderLines;
  readonly body: StoredBody;
  readonly captureType: string;
  readonly storedMs: number;
  readonly error: string;
  readonly timing: ExchangeTiming;
};

/** What the client received instead of the upstream's response. */
export type ModifiedResponseRecord = ResponseRecord & {
  readonly ruleId: string;
  readonly ruleName: string;
  readonly matchedRules: number;
};

/** A record with its body decoded for display: text, or base64 when it is not text. */
export type WithBody<R> = R & { readonly bodyText: string | null; readonly bodyEncoding: 'utf8' | 'base64' };

export type ResponseRule = {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly pathRegex: string;
  readonly method: string;
  readonly enabled: boolean;
  readonly responseBody: string | null;
  readonly responseStatus: number;
  readonly responseHeaders: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
};

/** Fields of a rule as a client gave them; validated by the plane. */
export type ResponseRuleInput = Partial<Omit<ResponseRule, 'id' | 'createdAtMs' | 'updatedAtMs'>> & {
  readonly id?: string;
};

export type PageQuery = {
  readonly page: number;
  readonly limit: number;
  /** Exact host name, lower case. */
  readonly host?: string;
  readonly keyword?: string;
  readonly isRegex: boolean;
};

export type Page<T> = {
  readonly rows: readonly T[];
  readonly total: number;
  /** True when the search gave up at its time limit. */
  readonly partial: boolean;
};

export type HostStats = {
  readonly hostname: string;
  readonly requestCount: number;
  readonly responseCount: number;
  readonly modifiedCount: number;
  readonly methods: Readonly<Record<string, number>>;
};

export type InspectStats = {
  readonly totalRequests: number;
  readonly totalResponses: number;
  readonly totalModifiedResponses: number;
  readonly hosts: readonly HostStats[];
};

export type CollectionStatus = {
  readonly path: string;
  readonly exists: boolean;
  readonly sizeBytes: number;
  readonly count: number;
};

export type InspectStatus = {
  readonly directory: string;
  readonly requests: CollectionStatus;
  readonly responses: CollectionStatus;
  readonly modifiedResponses: CollectionStatus;
  readonly database: Readonly<Record<string, string | number>>;
};

export type DeletionResult = { readonly count: number; readonly ids: readonly string[] };

/** The local certificate authority, without its key. */
export type CaView = {
  readonly subject: string;
  readonly path: string;
  readonly sha256: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

/** The use cases of the inspect plane; the only thing dialects see of it. Errors are `GatewayError`s with code `inspect.*`. */
export interface InspectControl {
  /** Live list, newest first; `beforeSequence` pages backwards. `filter` is a plain keyword over method, URL and status. */
  exchanges(query: {
    readonly limit: number;
    readonly beforeSequence?: number;
    readonly filter?: string;
  }): Promise<readonly ExchangeSummary[]>;
  exchange(id: string): Promise<
    | {
        readonly summary: ExchangeSummary;
        readonly request: WithBody<RequestRecord>;
        readonly response: WithBody<ResponseRecord> | undefined;
        readonly modified: WithBody<ModifiedResponseRecord> | undefined;
      }
    | undefined
  >;
  exchangeCount(): number;

  hosts(): Promise<readonly string[]>;
  activeHosts(
    hours: number,
  ): Promise<readonly { readonly hostname: string; readonly count: number; readonly lastActiveMs: number }[]>;

  requests(query: PageQuery): Promise<Page<WithBody<RequestRecord>>>;
  allRequests(): AsyncIterable<WithBody<RequestRecord>>;
  request(id: string): Promise<WithBody<RequestRecord> | undefined>;
  responses(query: PageQuery): Promise<Page<WithBody<ResponseRecord>>>;
  allResponses(): AsyncIterable<WithBody<ResponseRecord>>;
  /** Looks up by response id, then by request id, newest first. */
  response(id: string): Promise<WithBody<ResponseRecord> | undefined>;
  modifiedResponse(requestId: string): Promise<WithBody<ModifiedResponseRecord> | undefined>;

  /** Deletes a request with its responses and modified responses. */
  deleteRequest(id: string): Promise<DeletionResult>;
  deleteResponse(id: string): Promise<DeletionResult>;
  deleteHostRequests(host: string): Promise<DeletionResult>;
  deleteHostResponses(host: string): Promise<DeletionResult>;
  deleteAll(): Promise<void>;

  stats(): Promise<InspectStats>;
  status(): Promise<InspectStatus>;

  responseRules(): readonly ResponseRule[];
  responseRule(id: string): ResponseRule | undefined;
  /** @throws `inspect.rule-incomplete`, `inspect.rule-regex`, `inspect.rule-id`, `inspect.rule-field` (kind invalid) */
  createResponseRule(input: ResponseRuleInput): ResponseRule;
  /** @throws also `inspect.rule-not-found` (not-found) */
  updateResponseRule(id: string, input: ResponseRuleInput): ResponseRule;
  deleteResponseRule(id: string): boolean;

  ca(): CaView;
  /** The CA certificate in the given form. */
  exportCa(format: 'pem' | 'der' | 'p12'): Promise<Buffer>;
  listeners(): readonly { readonly name: string; readonly host: string; readonly port: number }[];
}
