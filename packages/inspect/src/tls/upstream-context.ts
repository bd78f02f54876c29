import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { errorText, GatewayError } from '@sluice/base/errors';

/**
 * The context for connections to servers: the built-in authorities and those of the PEM file at `extraCaPath` (`''` for
 * none). @throws GatewayError `inspect.upstream-ca` when the file cannot be used
 */
export function createUpstreamContext(extraCaPath: string): SecureContext {
  if (extraCaPath === '') return createSecureContext({ minVersion: 'TLSv1.2' });
  try {
    const ca = [...getCACertificates('default'), readFileSync(extraCaPath, 'utf8')];
    return createSecureContext({ ca, minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new GatewayError(
      'invalid',
      'inspect.upstream-ca',
      `${extraCaPath} cannot be used: ${errorText(error)}`,
      {
        cause: error,
      },
    );
  }
}
