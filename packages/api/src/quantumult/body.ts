import { errorText, GatewayError } from '@sluice/base/errors';
import { TEXTS } from './texts.ts';

/** A body that is not JSON; `message` is the parser's. */
export class MalformedBodyError extends GatewayError {
  constructor(message: string, cause?: unknown) {
    super('invalid', 'quantumult.body-malformed', message, { cause });
  }
}

/**
 * The members of a JSON body; no body at all is an empty object on every route.
 * @throws MalformedBodyError, or GatewayError `quantumult.body-type` for another content type
 */
export function parseBody(
  body: Buffer | undefined,
  contentType: string | undefined,
): Readonly<Record<string, unknown>> {
  if (body === undefined || body.length === 0) return {};
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? '')) {
    throw new GatewayError('invalid', 'quantumult.body-type', TEXTS.bodyNotJson);
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new MalformedBodyError(errorText(error), error);
  }
  if (typeof value !== 'object' || value === null)
    throw new MalformedBodyError('body is neither an object nor an array');
  // An array has none of the members that any route asks for.
  return Array.isArray(value) ? {} : (value as Record<string, unknown>);
}
