import { GatewayError } from '@sluice/base/errors';

/** What is wrong with one rule: the part of the control API's text after `rules[i] [line] error: `. */
export function ruleError(message: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid', 'route.rule', message, cause === undefined ? {} : { cause });
}
