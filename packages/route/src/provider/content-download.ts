import { GatewayError } from '@sluice/base/errors';
import type { EtagStore } from '../fetch/etag-store.ts';
import type { Fetcher } from '../fetch/fetcher.ts';
import type { HttpSource } from './provider-config.ts';

const TIMEOUT_MS = 20_000;
/** Of providers that set no limit of their own. */
const LIMIT_BYTES = 64 << 20;

/** What a download gave; `unchanged` when the server says that the content known by its hash is still the one. */
export type Download =
  | { readonly kind: 'unchanged'; readonly headers: ReadonlyMap<string, string> }
  | { readonly kind: 'content'; readonly headers: ReadonlyMap<string, string>; readonly body: Uint8Array };

/**
 * Asks for a provider's content. `knownHash` is that of the content in use, `''` for none; `etags` is absent when
 * conditional requests are switched off.
 * @throws GatewayError `provider.update` with the status line, or those of the fetcher
 */
export async function downloadContent(
  source: HttpSource,
  fetcher: Fetcher,
  etags: EtagStore | undefined,
  knownHash: string,
  signal: AbortSignal,
): Promise<Download> {
  const { url, outbound, headers, sizeLimitBytes } = source;
  const known = knownHash === '' ? undefined : etags?.find(url);
  const condition = known?.contentHash === knownHash ? { 'if-none-match': known.etag } : {};
  const response = await fetcher.fetch({
    url,
    outbound,
    headers: { ...headers, ...condition },
    timeoutMs: TIMEOUT_MS,
    limitBytes: sizeLimitBytes === 0 ? LIMIT_BYTES : sizeLimitBytes,
    truncate: sizeLimitBytes !== 0,
    signal,
  });
  if (response.status === 304 && known !== undefined) return { kind: 'unchanged', headers: response.headers };
  if (response.status < 200 || response.status > 299)
    throw new GatewayError('unavailable', 'provider.update', response.statusLine);
  if (isWebPage(response.body))
    throw new GatewayError('unavailable', 'provider.update', 'the server sent a web page');
  return { kind: 'content', headers: response.headers, body: response.body };
}

/** A captive portal or an error page that came with a status of success. */
function isWebPage(body: Uint8Array): boolean {
  const start = Buffer.from(body.subarray(0, 256)).toString('latin1');
  return /^(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head)\b/i.test(start);
}
