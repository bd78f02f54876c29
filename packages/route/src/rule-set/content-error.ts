import { GatewayError } from '@sluice/base/errors';

/** The failure of a whole rule set, with the text that the control API shows. */
export function contentError(message: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid', 'rule-set.content', message, { cause });
}
