import { GatewayError } from '@sluice/base/errors';
import type {
  DeletionResult,
  InspectControl,
  ModifiedResponseRecord,
  Page,
  PageQuery,
  RequestRecord,
  ResponseRecord,
  ResponseRule,
  ResponseRuleInput,
  WithBody,
} from '@sluice/inspect/port';

export const STORED_MS = Date.UTC(2023, 8, 1, 12, 34, 56, 789);

export function request(id: string, host = 'api.example.com'): WithBody<RequestRecord> {
  return {
    id,
    exchangeId: `ex_${id}`,
    url: `https://${host}/api?x=1`,
    method: 'GET',
    host,
    port: 443,
    scheme: 'https',
    httpVersion: '1.1',
    headers: [
      ['Content-Type', 'text/plain'],
      ['X-Two', 'a'],
      ['x-two', 'b'],
    ],
    trailers: [],
    body: { sizeBytes: 5, storedBytes: 5, truncated: false },
    captureType: 'mitm_request',
    storedMs: STORED_MS,
    clientIp: '127.0.0.1',
    route: ['DIRECT'],
    timing: { startedMs: STORED_MS, endedMs: STORED_MS + 100 },
    bodyText: 'hello',
    bodyEncoding: 'utf8',
  };
}

export function response(id: string, requestId: string, host = 'api.example.com'): WithBody<ResponseRecord> {
  return {
    id,
    requestId,
    exchangeId: `ex_${requestId}`,
    url: `https://${host}/api?x=1`,
    method: 'GET',
    host,
    status: 200,
    statusText: 'OK',
    httpVersion: '1.1',
    headers: [
      ['Set-Cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ],
    trailers: [],
    body: { sizeBytes: 2, storedBytes: 2, truncated: true },
    captureType: 'mitm_response',
    storedMs: STORED_MS,
    error: '',
    timing: { startedMs: STORED_MS, responseStartMs: STORED_MS + 50, endedMs: STORED_MS + 100 },
    bodyText: 'ok',
    bodyEncoding: 'utf8',
  };
}

const modified: WithBody<ModifiedResponseRecord> = {
  ...response('modres_1', 'req_1'),
  bodyText: '{"modified":true}',
  ruleId: 'rule_1631234567890_123',
  ruleName: '修改特定API返回值',
  matchedRules: 1,
};

/** An inspect plane over a few records that remembers what it was asked for. */
export class FakeInspect implements InspectControl {
  readonly asked: string[] = [];
  stored = {
    requests: [request('req_1'), request('req_2')],
    responses: [response('res_1', 'req_1'), response('res_2', 'req_2')],
  };
  rules: ResponseRule[] = [];
  /** What every use case throws; `true` for a bug. */
  broken: boolean | GatewayError = false;

  async exchanges() {
    return [];
  }
  async exchange() {
    return undefined;
  }
  exchangeCount(): number {
    return this.stored.requests.length;
  }

  async hosts(): Promise<readonly string[]> {
    return ['b.example', 'A.example', 'c.test'];
  }

  async activeHosts(hours: number) {
    this.asked.push(`active ${hours}`);
    return [{ hostname: 'api.example.com', count: 42, lastActiveMs: STORED_MS }];
  }

  async requests(query: PageQuery): Promise<Page<WithBody<RequestRecord>>> {
    this.asked.push(`requests ${JSON.stringify(query)}`);
    return {
      rows: this.stored.requests.slice(0, 1),
      total: this.stored.requests.length,
      partial: query.keyword === 'slow',
    };
  }

  async *allRequests(): AsyncGenerator<WithBody<RequestRecord>> {
    yield* this.stored.requests;
  }

  async request(id: string) {
    if (this.broken !== false)
      throw this.broken === true ? new Error('SQL: no such table /var/lib/x') : this.broken;
    return this.stored.requests.find((one) => one.id === id);
  }

  async responses(query: PageQuery): Promise<Page<WithBody<ResponseRecord>>> {
    this.asked.push(`responses ${JSON.stringify(query)}`);
    return { rows: this.stored.responses, total: this.stored.responses.length, partial: false };
  }

  async *allResponses(): AsyncGenerator<WithBody<ResponseRecord>> {
    yield* this.stored.responses;
  }

  async response(id: string) {
    return this.stored.responses.find((one) => one.id === id || one.requestId === id);
  }

  async modifiedResponse(requestId: string) {
    return requestId === modified.requestId ? modified : undefined;
  }

  async deleteRequest(id: string): Promise<DeletionResult> {
    const before = this.stored.requests.length;
    this.stored.requests = this.stored.requests.filter((one) => one.id !== id);
    return deletion(before - this.stored.requests.length, id);
  }

  async deleteResponse(id: string): Promise<DeletionResult> {
    if (this.broken !== false) throw this.broken === true ? new Error('disk full') : this.broken;
    const before = this.stored.responses.length;
    this.stored.responses = this.stored.responses.filter((one) => one.id !== id);
    return deletion(before - this.stored.responses.length, id);
  }

  async deleteHostRequests(host: string): Promise<DeletionResult> {
    this.asked.push(`delete-host-requests ${host}`);
    const ids = this.stored.requests.filter((one) => one.host === host).map(({ id }) => id);
    return { count: ids.length, ids };
  }

  async deleteHostResponses(host: string): Promise<DeletionResult> {
    if (this.broken !== false) throw this.broken === true ? new Error('disk full') : this.broken;
    this.asked.push(`delete-host-responses ${host}`);
    const ids = this.stored.responses.filter((one) => one.host === host).map(({ id }) => id);
    return { count: ids.length, ids };
  }

  async deleteAll(): Promise<void> {
    this.asked.push('delete all');
  }

  async stats() {
    const host = {
      hostname: 'api.example.com',
      requestCount: 60,
      responseCount: 58,
      modifiedCount: 5,
      methods: { GET: 40, POST: 20 },
    };
    return { totalRequests: 100, totalResponses: 95, totalModifiedResponses: 10, hosts: [host] };
  }

  async status() {
    const collection = (count: number) => ({
      path: '/data/x.db',
      exists: true,
      sizeBytes: count * 10,
      count,
    });
    return {
      directory: '/data',
      requests: collection(1),
      responses: collection(2),
      modifiedResponses: collection(3),
      database: { engine: 'sqlite', size: 4096 },
    };
  }

  responseRules(): readonly ResponseRule[] {
    return this.rules;
  }

  responseRule(id: string): ResponseRule | undefined {
    return this.rules.find((rule) => rule.id === id);
  }

  createResponseRule(input: ResponseRuleInput): ResponseRule {
    this.asked.push(`create ${JSON.stringify(input)}`);
    if (!input.name || !input.host || !input.pathRegex || !input.method)
      throw ruleError('incomplete', 'incomplete');
    const rule: ResponseRule = {
      id: input.id ?? 'rule_1631234567890_1',
      name: input.name,
      host: input.host,
      pathRegex: checked(input.pathRegex),
      method: input.method,
      enabled: input.enabled ?? true,
      responseBody: input.responseBody ?? null,
      responseStatus: input.responseStatus ?? 200,
      responseHeaders: input.responseHeaders ?? {},
      createdAtMs: STORED_MS,
      updatedAtMs: STORED_MS,
    };
    if (this.responseRule(rule.id) !== undefined) throw ruleError('id', 'taken');
    this.rules.push(rule);
    return rule;
  }

  updateResponseRule(id: string, input: ResponseRuleInput): ResponseRule {
    this.asked.push(`update ${id} ${JSON.stringify(input)}`);
    const rule = this.responseRule(id);
    if (rule === undefined) throw new GatewayError('not-found', 'inspect.rule-not-found', 'no such rule');
    if (input.responseStatus === 101) throw ruleError('field', 'responseStatus must be 100-599, not 101');
    if (input.pathRegex !== undefined) checked(input.pathRegex);
    const updated = { ...rule, ...input, updatedAtMs: STORED_MS + 1 } as ResponseRule;
    this.rules = this.rules.map((one) => (one.id === id ? updated : one));
    return updated;
  }

  deleteResponseRule(id: string): boolean {
    const before = this.rules.length;
    this.rules = this.rules.filter((rule) => rule.id !== id);
    return this.rules.length < before;
  }

  ca() {
    return { subject: '', path: '', sha256: '', notBeforeMs: 0, notAfterMs: 0 };
  }
  async exportCa() {
    return Buffer.alloc(0);
  }
  listeners() {
    return [];
  }
}

function deletion(count: number, id: string): DeletionResult {
  return { count, ids: count === 0 ? [] : [id] };
}

function checked(pathRegex: string): string {
  if (pathRegex === '[') throw ruleError('regex', 'unclosed class');
  return pathRegex;
}

function ruleError(code: string, message: string): GatewayError {
  return new GatewayError('invalid', `inspect.rule-${code}`, message);
}
