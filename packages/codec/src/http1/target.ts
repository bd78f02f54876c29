import { parseEndpoint } from '@sluice/base/address';
import { GatewayError, ProtocolError } from '@sluice/base/errors';

/** What a request target names (RFC 9112 §3.2). */
export type RequestTarget =
  | { readonly form: 'origin'; readonly path: string }
  | {
      readonly form: 'absolute';
      /** Lower case. */
      readonly scheme: string;
      /** Lower case, IPv6 without brackets. */
      readonly host: string;
      readonly port: number;
      /** As written, without user information. */
      readonly authority: string;
      /** Path and query, at least `/`. */
      readonly path: string;
    }
  | { readonly form: 'authority'; readonly host: string; readonly port: number }
  | { readonly form: 'asterisk' };

/** The port a scheme implies; `undefined` for schemes a proxy does not speak. */
export function defaultPort(scheme: string): number | undefined {
  if (scheme === 'http' || scheme === 'ws') return 80;
  return scheme === 'https' || scheme === 'wss' ? 443 : undefined;
}

/**
 * Reads a request target; a fragment and user information, which must not be sent on, are dropped. An authority without
 * a port means 443.
 * @throws ProtocolError `bad-target`
 */
export function parseRequestTarget(method: string, target: string): RequestTarget {
  if (method === 'CONNECT') return { form: 'authority', ...authority(target, 443) };
  if (target.startsWith('/')) return { form: 'origin', path: withoutFragment(target) };
  if (target === '*') return { form: 'asterisk' };
  const schemeEnd = target.indexOf('://');
  if (schemeEnd <= 0) throw new ProtocolError('bad-target', 0);
  const scheme = target.slice(0, schemeEnd).toLowerCase();
  const port = defaultPort(scheme);
  if (port === undefined) throw new ProtocolError('bad-target', 0);
  const rest = withoutFragment(target.slice(schemeEnd + 3));
  const pathAt = rest.search(/[/?]/);
  const named = pathAt < 0 ? rest : rest.slice(0, pathAt);
  const path = pathAt < 0 ? '/' : rest.slice(pathAt);
  const bare = named.slice(named.lastIndexOf('@') + 1);
  return {
    form: 'absolute',
    scheme,
    ...authority(bare, port),
    authority: bare,
    path: path.startsWith('?') ? `/${path}` : path,
  };
}

/** Reads `host[:port]`. @throws ProtocolError `bad-target` */
function authority(
  text: string,
  defaultPortNumber: number,
): { readonly host: string; readonly port: number } {
  try {
    const endpoint = parseEndpoint(text.endsWith(':') ? text.slice(0, -1) : text, defaultPortNumber);
    if (endpoint.host === '' || !HOST.test(endpoint.host)) throw new ProtocolError('bad-target', 0);
    return endpoint;
  } catch (error) {
    if (error instanceof GatewayError) throw new ProtocolError('bad-target', 0);
    throw error;
  }
}

// Everything that would end the host in some other reader is refused; underscores and raw UTF-8 labels are seen in the wild.
const HOST = /^[^\0-\x20\x7f"#/<>?@[\\\]^`{|}]+$/;

function withoutFragment(target: string): string {
  const at = target.indexOf('#');
  return at < 0 ? target : target.slice(0, at);
}
