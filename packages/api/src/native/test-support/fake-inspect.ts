import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { Events } from '@sluice/core/events';
import type {
  CaView,
  DeletionResult,
  ExchangeSummary,
  InspectControl,
  ModifiedResponseRecord,
  RequestRecord,
  ResponseRecord,
  ResponseRule,
  ResponseRuleInput,
  WithBody,
} from '@sluice/inspect/port';

const PATHS = [
  '/v1/users?limit=20',
  '/v1/orders/8812',
  '/static/app.4f9c.js',
  '/login',
  '/v1/search?q=sluice',
];
const STATUSES = [200, 200, 304, 302, 200, 404, 500, 0];
const METHODS = ['GET', 'GET', 'POST', 'PUT', 'DELETE'];

type Detail = NonNullable<Awaited<ReturnType<InspectControl['exchange']>>>;

/** The live list and the response rules; what only other dialects use is refused. */
export class FakeInspect implements InspectControl {
  readonly #clock: Clock;
  readonly #events: Events;
  #summaries: ExchangeSummary[] = [];
  #rules: ResponseRule[];
  #sequence = 0;

  constructor(clock: Clock, events: Events, exchangeCount = 30) {
    this.#clock = clock;
    this.#events = events;
    for (let index = 0; index < exchangeCount; index++) this.add({ startedMs: clock.now() - index * 1500 });
    this.#rules = [
      {
        id: 'rule_000000000001',
        name: 'Maintenance page',
        host: 'api.example.org',
        pathRegex: '^/v1/orders',
        method: 'GET',
        enabled: true,
        responseBody: '{"maintenance":true}',
        responseStatus: 503,
        responseHeaders: { 'content-type': 'application/json' },
        createdAtMs: clock.now(),
        updatedAtMs: clock.now(),
      },
    ];
  }

  /** Stores one more exchange, as live traffic would. */
  add(overrides: Partial<ExchangeSummary> = {}): ExchangeSummary {
    const sequence = ++this.#sequence;
    const summary: ExchangeSummary = {
      id: `exchange-${sequence}`,
      sequence,
      method: METHODS[sequence % METHODS.length] ?? 'GET',
      url: `https://api.example.org${PATHS[sequence % PATHS.length]}`,
      host: 'api.example.org',
      scheme: 'https',
      status: STATUSES[sequence % STATUSES.length] ?? 200,
      contentType: sequence % 5 === 2 ? 'text/javascript' : 'application/json',
      requestBytes: 312 + sequence,
      responseBytes: 1834 * (1 + (sequence % 9)),
      durationMs: 12 + ((sequence * 37) % 400),
      startedMs: this.#clock.now(),
      clientIp: '192.168.1.14',
      error: STATUSES[sequence % STATUSES.length] === 0 ? 'connection refused' : '',
      ruleId: sequence % 5 === 1 ? 'rule_000000000001' : '',
      flowId: `flow-${sequence}`,
      ...overrides,
    };
    this.#summaries.push(summary);
    this.#events.emit('exchange.stored', { ids: [summary.id] });
    return summary;
  }

  async exchanges(query: { limit: number; beforeSequence?: number; filter?: string }) {
    const { limit, beforeSequence = Number.POSITIVE_INFINITY, filter = '' } = query;
    return this.#summaries
      .filter(
        (row) => row.sequence < beforeSequence && `${row.method} ${row.url} ${row.status}`.includes(filter),
      )
      .toReversed()
      .slice(0, limit);
  }

  async exchange(id: string): Promise<Detail | undefined> {
    const summary = this.#summaries.find((row) => row.id === id);
    return summary === undefined ? undefined : detailOf(summary);
  }

  exchangeCount(): number {
    return this.#summaries.length;
  }

  async deleteRequest(id: string): Promise<DeletionResult> {
    this.#summaries = this.#summaries.filter((row) => `request-${row.sequence}` !== id);
    return { count: 1, ids: [id] };
  }

  async deleteAll(): Promise<void> {
    this.#summaries = [];
  }

  responseRules(): readonly ResponseRule[] {
    return this.#rules;
  }

  responseRule(id: string): ResponseRule | undefined {
    return this.#rules.find((candidate) => candidate.id === id);
  }

  createResponseRule(input: ResponseRuleInput): ResponseRule {
    if (!input.host || !input.pathRegex) {
      throw new GatewayError('invalid', 'inspect.rule-incomplete', 'host and pathRegex are required');
    }
    const rule: ResponseRule = {
      id: `rule_${String(this.#rules.length + 1).padStart(12, '0')}`,
      name: '',
      host: '',
      pathRegex: '',
      method: '*',
      enabled: true,
      responseBody: null,
      responseStatus: 200,
      responseHeaders: {},
      ...input,
      createdAtMs: this.#clock.now(),
      updatedAtMs: this.#clock.now(),
    };
    this.#rules.push(rule);
    return rule;
  }

  updateResponseRule(id: string, input: ResponseRuleInput): ResponseRule {
    const rule = this.responseRule(id);
    if (rule === undefined)
      throw new GatewayError('not-found', 'inspect.rule-not-found', `no response rule ${id}`);
    const updated: ResponseRule = { ...rule, ...input, id, updatedAtMs: this.#clock.now() };
    this.#rules = this.#rules.map((candidate) => (candidate.id === id ? updated : candidate));
    return updated;
  }

  deleteResponseRule(id: string): boolean {
    const before = this.#rules.length;
    this.#rules = this.#rules.filter((candidate) => candidate.id !== id);
    return this.#rules.length < before;
  }

  ca(): CaView {
    return {
      subject: 'CN=Sluice CA',
      path: '/var/lib/sluice/ca/ca.pem',
      sha256:
        'A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90:A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90',
      notBeforeMs: this.#clock.now(),
      notAfterMs: this.#clock.now() + 10 * 365 * 86_400_000,
    };
  }

  async exportCa(format: 'pem' | 'der' | 'p12'): Promise<Buffer> {
    return Buffer.from(`certificate as ${format}`);
  }

  listeners() {
    return [
      { name: 'capture', host: '127.0.0.1', port: 8888 },
      { name: 'admin', host: '127.0.0.1', port: 3000 },
    ];
  }

  hosts = refuse;
  activeHosts = refuse;
  requests = refuse;
  allRequests = refuseNow;
  request = refuse;
  responses = refuse;
  allResponses = refuseNow;
  response = refuse;
  modifiedResponse = refuse;
  deleteResponse = refuse;
  deleteHostRequests = refuse;
  deleteHostResponses = refuse;
  stats = refuse;
  status = refuse;
}

async function refuse(): Promise<never> {
  return refuseNow();
}

function refuseNow(): never {
  throw new Error('the native API does not use this');
}

function detailOf(summary: ExchangeSummary): Detail {
  const common = {
    exchangeId: summary.id,
    url: summary.url,
    method: summary.method,
    host: summary.host,
    httpVersion: '1.1',
    trailers: [],
    captureType: 'mitm',
    storedMs: summary.startedMs,
    timing: { startedMs: summary.startedMs, endedMs: summary.startedMs + summary.durationMs },
    bodyEncoding: 'utf8' as const,
  };
  const request: WithBody<RequestRecord> = {
    ...common,
    id: `request-${summary.sequence}`,
    port: 443,
    scheme: summary.scheme,
    headers: [
      ['Host', summary.host],
      ['User-Agent', 'curl/8.14.1'],
      ['Accept', 'application/json'],
      ["X-It's", 'a "quoted" value'],
    ],
    body: { sizeBytes: 18, storedBytes: 18, truncated: false },
    clientIp: summary.clientIp,
    route: ['edge-1', 'Proxy'],
    bodyText: summary.method === 'GET' ? null : '{"name":"O\'Brien"}',
  };
  if (summary.status === 0) return { summary, request, response: undefined, modified: undefined };
  const bodyText = '{"items":[{"id":1,"name":"alpha"},{"id":2,"name":"beta"}],"next":null}';
  const response: WithBody<ResponseRecord> = {
    ...common,
    id: `response-${summary.sequence}`,
    requestId: request.id,
    status: summary.status,
    statusText: 'OK',
    headers: [
      ['Content-Type', summary.contentType],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ],
    body: { sizeBytes: bodyText.length, storedBytes: bodyText.length, truncated: false },
    error: '',
    bodyText,
  };
  const modified: WithBody<ModifiedResponseRecord> = {
    ...response,
    ruleId: 'rule_000000000001',
    ruleName: 'Maintenance page',
    matchedRules: 1,
    status: 503,
    bodyText: '{"maintenance":true}',
  };
  return { summary, request, response, modified: summary.ruleId === '' ? undefined : modified };
}
