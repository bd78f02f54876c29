import { GatewayError } from '@sluice/base/errors';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Convert } from 'typebox/value';

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
    const place = `${httpPart ?? 'request'}${first?.instancePath ?? ''}`;
    return {
      error: new GatewayError('invalid', 'api.invalid', `${place}: ${first?.message ?? 'not acceptable'}`),
    };
  };
};
