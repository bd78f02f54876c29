import { GatewayError } from '@sluice/base/errors';
import type { ResponseRule, ResponseRuleInput } from '../port.ts';
import { compilePath } from './path-pattern.ts';

/** The checked members of a rule that a client may set. */
export type RuleFields = Omit<ResponseRule, 'id' | 'createdAtMs' | 'updatedAtMs'>;

const MAX_NAME_LENGTH = 200;
const MAX_HOST_LENGTH = 300;
const MAX_PATTERN_LENGTH = 2_000;
const MAX_BODY_LENGTH = 10 * 1024 * 1024;
const MAX_HEADERS = 200;
const MAX_HEADER_LENGTH = 65_536;
// RFC 9110 §5.6.2.
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const ID = /^[A-Za-z0-9_-]{1,64}$/;

const DEFAULTS = { enabled: true, responseBody: null, responseStatus: 200, responseHeaders: {} };

function invalid(
  code: 'rule-incomplete' | 'rule-regex' | 'rule-id' | 'rule-field',
  message: string,
): GatewayError {
  return new GatewayError('invalid', `inspect.${code}`, message);
}

/** Checks an id that a client chose. @throws GatewayError `inspect.rule-id` */
export function checkRuleId(id: string, isUsed: (id: string) => boolean): string {
  if (!ID.test(id) || isUsed(id)) throw invalid('rule-id', 'rule id invalid or already in use');
  return id;
}

/**
 * The fields of a rule: those given by a client over `before`, or over the defaults for a new rule.
 * @throws GatewayError `inspect.rule-incomplete`, `inspect.rule-regex`, `inspect.rule-field`
 */
export function checkRule(input: ResponseRuleInput, before?: RuleFields): RuleFields {
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
  const merged: Partial<RuleFields> = { ...DEFAULTS, ...before, ...given };
  const fields: RuleFields = {
    name: required('name', merged.name, MAX_NAME_LENGTH),
    host: required('host', merged.host, MAX_HOST_LENGTH),
    pathRegex: checkPattern(merged.pathRegex),
    method: checkMethod(merged.method),
    enabled: checkEnabled(merged.enabled),
    responseBody: checkBody(merged.responseBody),
    responseStatus: checkStatus(merged.responseStatus),
    responseHeaders: checkHeaders(merged.responseHeaders),
  };
  return fields;
}

function required(name: string, value: unknown, maxLength: number): string {
  if (value === undefined || value === null || value === '')
    throw invalid('rule-incomplete', `${name} is missing`);
  if (typeof value !== 'string') throw invalid('rule-field', `${name} must be a string`);
  if (value.length > maxLength) throw invalid('rule-field', `${name} is longer than ${maxLength} characters`);
  return value;
}

function checkPattern(value: unknown): string {
  const pattern = required('pathRegex', value, Number.MAX_SAFE_INTEGER);
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw invalid('rule-regex', `pathRegex is longer than ${MAX_PATTERN_LENGTH} characters`);
  }
  if (compilePath(pattern) === undefined)
    throw invalid('rule-regex', 'pathRegex is not a regular expression that can be used');
  return pattern;
}

function checkMethod(value: unknown): string {
  const method = required('method', value, MAX_NAME_LENGTH);
  if (method !== '*' && !TOKEN.test(method)) throw invalid('rule-field', 'method must be * or a token');
  return method.toUpperCase();
}

function checkEnabled(value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid('rule-field', 'enabled must be a boolean');
  return value;
}

function checkBody(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const body = typeof value === 'object' ? JSON.stringify(value) : value;
  if (typeof body !== 'string') throw invalid('rule-field', 'responseBody must be a string or null');
  if (body.length > MAX_BODY_LENGTH) throw invalid('rule-field', 'responseBody is too long');
  return body;
}

function checkStatus(value: unknown): number {
  // 1xx has no final response to stand for except in name; 101 would leave HTTP altogether.
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 100 || value > 599 || value === 101) {
    throw invalid('rule-field', 'responseStatus must be an integer from 100 to 599 and not 101');
  }
  return value;
}

function checkHeaders(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('rule-field', 'responseHeaders must be an object');
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_HEADERS)
    throw invalid('rule-field', `responseHeaders has more than ${MAX_HEADERS} members`);
  return Object.fromEntries(
    entries.map(([name, text]) => [checkHeaderName(name), checkHeaderValue(name, text)]),
  );
}

function checkHeaderName(name: string): string {
  if (!TOKEN.test(name)) throw invalid('rule-field', `"${name}" is not a header name`);
  return name;
}

function checkHeaderValue(name: string, value: unknown): string {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof text !== 'string') throw invalid('rule-field', `the value of ${name} must be a string`);
  if (/[\r\n\0]/.test(text) || text.length > MAX_HEADER_LENGTH)
    throw invalid('rule-field', `the value of ${name} is not allowed`);
  return text;
}
