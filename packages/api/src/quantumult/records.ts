import type {
  ExchangeTiming,
  HeaderLines,
  ModifiedResponseRecord,
  RequestRecord,
  ResponseRecord,
  ResponseRule,
  WithBody,
} from '@sluice/inspect/port';
import { isoTime } from './wire.ts';

/** Header lines as one object: lower-case names, repeats joined with `, `, and `set-cookie` with a line break. */
export function headerObject(lines: HeaderLines): Readonly<Record<string, string>> {
  const joined = new Map<string, string>();
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    const earlier = joined.get(key);
    joined.set(
      key,
      earlier === undefined ? value : `${earlier}${key === 'set-cookie' ? '\n' : ', '}${value}`,
    );
  }
  return Object.fromEntries(joined);
}

export function requestBody(record: WithBody<RequestRecord>): object {
  return {
    id: record.id,
    url: record.url,
    method: record.method,
    headers: headerObject(record.headers),
    body: record.bodyText,
    capture_type: record.captureType,
    server_timestamp: isoTime(record.storedMs),
    server_request_id: record.id,
    exchange_id: record.exchangeId,
    host: record.host,
    port: record.port,
    scheme: record.scheme,
    http_version: record.httpVersion,
    raw_headers: record.headers,
    trailers: headerObject(record.trailers),
    body_size: record.body.sizeBytes,
    body_encoding: record.bodyEncoding,
    body_truncated: record.body.truncated,
    client_ip: record.clientIp,
    route: record.route,
    timing: timingObject(record.timing),
  };
}

export function responseBody(record: WithBody<ResponseRecord>): object {
  return {
    id: record.id,
    request_id: record.requestId,
    url: record.url,
    method: record.method === '' ? 'UNKNOWN' : record.method,
    status: record.status,
    headers: headerObject(record.headers),
    body: record.bodyText,
    body_size: record.body.sizeBytes,
    timestamp: isoTime(record.storedMs),
    requestTime: isoTime(record.timing.startedMs),
    responseTime: isoTime(record.timing.responseStartMs ?? record.timing.endedMs ?? record.storedMs),
    capture_type: record.captureType,
    server_timestamp: isoTime(record.storedMs),
    server_request_id: record.requestId,
    exchange_id: record.exchangeId,
    host: record.host,
    http_version: record.httpVersion,
    statusText: record.statusText,
    raw_headers: record.headers,
    trailers: headerObject(record.trailers),
    body_encoding: record.bodyEncoding,
    body_truncated: record.body.truncated,
    timing: timingObject(record.timing),
    error: record.error === '' ? null : record.error,
  };
}

export function modifiedResponseBody(record: WithBody<ModifiedResponseRecord>): object {
  return {
    id: record.id,
    request_id: record.requestId,
    url: record.url,
    original_url: record.url,
    method: record.method,
    status: record.status,
    headers: headerObject(record.headers),
    body: record.bodyText,
    body_encoding: record.bodyEncoding,
    server_timestamp: isoTime(record.storedMs),
    server_request_id: record.requestId,
    modified: true,
    matchedRule: record.ruleId,
    ruleName: record.ruleName,
    matchedRulesCount: record.matchedRules,
    exchange_id: record.exchangeId,
  };
}

export function responseRuleBody(rule: ResponseRule): object {
  return {
    id: rule.id,
    name: rule.name,
    host: rule.host,
    pathRegex: rule.pathRegex,
    method: rule.method,
    enabled: rule.enabled,
    responseBody: rule.responseBody,
    responseStatus: rule.responseStatus,
    responseHeaders: rule.responseHeaders,
    createdAt: isoTime(rule.createdAtMs),
    updatedAt: isoTime(rule.updatedAtMs),
  };
}

/** Moments of an exchange; absent ones were not reached. */
function timingObject(timing: ExchangeTiming): object {
  const at = (epochMs: number | undefined) => (epochMs === undefined ? undefined : isoTime(epochMs));
  return {
    started: at(timing.startedMs),
    request_end: at(timing.requestEndMs),
    connected: at(timing.connectedMs),
    response_start: at(timing.responseStartMs),
    ended: at(timing.endedMs),
  };
}
