import { GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { InspectControl, ResponseRule, ResponseRuleInput } from '@sluice/inspect/port';
import { responseRuleBody } from './records.ts';
import type { AdminRow } from './table.ts';
import { TEXTS } from './texts.ts';
import { failure, json } from './wire.ts';

const RULE_FIELDS = [
  'name',
  'host',
  'pathRegex',
  'method',
  'enabled',
  'responseBody',
  'responseStatus',
  'responseHeaders',
] as const;

const RULE_SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    host: { type: 'string' },
    pathRegex: { type: 'string' },
    method: { type: 'string' },
    enabled: { type: 'boolean' },
    responseBody: { type: ['string', 'object', 'array', 'null'] },
    responseStatus: { type: 'integer' },
    responseHeaders: { type: 'object', additionalProperties: { type: 'string' } },
  },
};

/** `/response-rules`: what is sent to clients instead of a matching response. */
export function ruleRows(inspect: InspectControl): readonly AdminRow[] {
  const missing = { 404: { description: 'No such rule' } };
  const invalid = { 400: { description: 'A field is missing or wrong' } };
  return [
    {
      method: 'GET',
      path: '/admin/response-rules',
      summary: 'All response rules in order of creation',
      replies: { 200: { description: 'An array of rules' } },
      answer: () => json(inspect.responseRules().map(responseRuleBody)),
    },
    {
      method: 'GET',
      path: '/admin/response-rules/:id',
      summary: 'One response rule',
      replies: { 200: { description: 'The rule' }, ...missing },
      answer: ({ params }) => {
        const rule = inspect.responseRule(params.id ?? '');
        return rule === undefined ? failure(404, TEXTS.responseRuleNotFound) : json(responseRuleBody(rule));
      },
    },
    {
      method: 'POST',
      path: '/admin/response-rules',
      summary: 'Add a response rule',
      requestSchema: { ...RULE_SCHEMA, required: ['name', 'host', 'pathRegex', 'method'] },
      replies: { 201: { description: 'The new rule' }, ...invalid },
      answer: ({ body }) =>
        wordRuleError(() =>
          json(responseRuleBody(inspect.createResponseRule(ruleInput(body, ['id', ...RULE_FIELDS]))), 201),
        ),
    },
    {
      method: 'PUT',
      path: '/admin/response-rules/:id',
      summary: 'Change a response rule; absent fields stay',
      requestSchema: RULE_SCHEMA,
      replies: { 200: { description: 'The changed rule' }, ...invalid, ...missing },
      answer: ({ params, body }) =>
        wordRuleError(() =>
          json(responseRuleBody(inspect.updateResponseRule(params.id ?? '', ruleInput(body, RULE_FIELDS)))),
        ),
    },
    {
      method: 'DELETE',
      path: '/admin/response-rules/:id',
      summary: 'Remove a response rule',
      replies: { 200: { description: 'Removed' }, ...missing },
      answer: ({ params }) =>
        inspect.deleteResponseRule(params.id ?? '')
          ? json({ success: true, message: TEXTS.ruleDeleted, deletedCount: 1 })
          : failure(404, TEXTS.ruleNotFound),
    },
    {
      method: 'PATCH',
      path: '/admin/response-rules/:id/status',
      summary: 'Switch a response rule on or off',
      requestSchema: { type: 'object', properties: { enabled: { type: 'boolean' } }, required: ['enabled'] },
      replies: { 200: { description: '`message` and the `rule`' }, ...invalid, ...missing },
      answer: ({ params, body }) => {
        if (body.enabled === undefined || body.enabled === null) return failure(400, TEXTS.enabledMissing);
        const enabled = parseSwitch(body.enabled);
        if (enabled === undefined) return failure(400, TEXTS.enabledInvalid);
        return wordRuleError(() => switched(inspect.updateResponseRule(params.id ?? '', { enabled })));
      },
    },
  ];
}

function switched(rule: ResponseRule): HttpReply {
  return json({
    success: true,
    message: rule.enabled ? TEXTS.ruleEnabled : TEXTS.ruleDisabled,
    rule: responseRuleBody(rule),
  });
}

function parseSwitch(value: unknown): boolean | undefined {
  if (value === true || value === 1 || value === 'true') return true;
  if (value === false || value === 0 || value === 'false') return false;
  return undefined;
}

/** The known fields of a body as they are; the plane validates them. */
function ruleInput(body: Readonly<Record<string, unknown>>, fields: readonly string[]): ResponseRuleInput {
  return Object.fromEntries(
    fields.flatMap((field) => (body[field] === undefined ? [] : [[field, body[field]]])),
  );
}

const RULE_REFUSALS: Readonly<Record<string, HttpReply>> = {
  'inspect.rule-incomplete': failure(400, TEXTS.ruleIncomplete),
  'inspect.rule-regex': failure(400, TEXTS.ruleRegex),
  'inspect.rule-id': failure(400, TEXTS.ruleId),
  'inspect.rule-not-found': failure(404, TEXTS.ruleNotFound),
};

function wordRuleError(attempt: () => HttpReply): HttpReply {
  try {
    return attempt();
  } catch (error) {
    const refusal = error instanceof GatewayError ? RULE_REFUSALS[error.code] : undefined;
    if (refusal === undefined) throw error;
    return refusal;
  }
}
