import { GatewayError } from '@sluice/base/errors';

/** The refusal of one node, with the control API's text. */
export function proxyError(message: string): GatewayError {
  return new GatewayError('invalid', 'route.proxy', message);
}
