import { GatewayError } from '@sluice/base/errors';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Convert, Pointer } from 'typebox/value';

/** How much of a wrong value is shown again. */
const FOUND_LENGTH = 100;

/**
 * Checks each part of a request against its schema. Paths and queries are text, so numbers and flags are read from it;
 * a body is JSON and is taken as it is.
 */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema);
  return (data: unknown) => {
    const value = httpPart === 'body' ? data : Convert(schema, data);
    if (validator.Check(value)) return { value };
    const [first] = validator.Errors(value);
    const pointer = first?.instancePath ?? '';
    const place = `${httpPart ?? 'request'}${pointer}`;
    const expected = first === undefined ? 'not acceptable' : expectationOf(first.message, first.params);
    const found = foundText(pointer === '' ? value : Pointer.Get(value, pointer));
    return { error: new GatewayError('invalid', 'api.invalid', `${place}: ${expected}, found ${found}`) };
  };
};

/** The words themselves where a value must be one of a few. */
function expectationOf(message: string, params: object): string {
  const words: unknown = 'allowedValues' in params ? params.allowedValues : undefined;
  return Array.isArray(words) ? `must be one of ${words.join(', ')}` : message;
}

function foundText(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= FOUND_LENGTH ? text : `${text.slice(0, FOUND_LENGTH)}…`;
}
