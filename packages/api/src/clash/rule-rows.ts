import { asBoolean, BodyInvalidError, decodeFirstJson, membersOf } from './body.ts';
import type { ClashOptions } from './options.ts';
import type { ClashRow } from './table.ts';
import { ruleObject } from './views.ts';
import { json, NO_CONTENT } from './wire.ts';

/** `/rules`. */
export function ruleRows({ route }: ClashOptions): readonly ClashRow[] {
  return [
    {
      method: 'GET',
      path: '/rules',
      area: 'mounted',
      trailingSlash: true,
      summary: 'The rules in order, with their hits',
      replies: { 200: { description: '`rules`, a list' } },
      answer: () => json({ rules: route.rules().map(ruleObject) }),
    },
    {
      method: 'PATCH',
      path: '/rules/disable',
      area: 'mounted',
      summary: 'Switch rules off or on until the next reload',
      requestSchema: { type: 'object', additionalProperties: { type: 'boolean' } },
      replies: {
        204: { description: 'Applied' },
        400: { description: 'A key is no index or a value no boolean' },
      },
      answer: ({ body }) => {
        const count = route.rules().length;
        const flags = [...decodeFlags(decodeFirstJson(body))].filter(
          ([index]) => index >= 0 && index < count,
        );
        route.setRulesDisabled(new Map(flags));
        return NO_CONTENT;
      },
    },
  ];
}

function decodeFlags(body: unknown): ReadonlyMap<number, boolean> {
  if (body === null) return new Map();
  const flags = new Map<number, boolean>();
  for (const [key, value] of membersOf(body)) {
    if (!/^[+-]?\d{1,15}$/.test(key)) throw new BodyInvalidError('not an index');
    flags.set(Number(key), asBoolean(value));
  }
  return flags;
}
