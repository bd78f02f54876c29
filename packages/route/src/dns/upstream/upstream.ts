import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { DNS_FLAG, u16At } from '@sluice/codec/dns/header';
import { type DnsQuery, type DnsQuestion, readQuestion } from '@sluice/codec/dns/message';
import type { ResolvedHost } from '../../net/system-resolver.ts';
import type { DnsDialer, DnsVia } from '../dns-service.ts';

/** A DNS server that can be asked. */
export interface Upstream {
  /** The server as logs show it. */
  readonly text: string;
  /** True for servers that answer themselves, at once, with a fixed code. */
  readonly isFixed: boolean;
  /**
   * The response to a query: its id and question are those of the query, its records are not checked. Ends when `signal` aborts.
   * @throws GatewayError or the socket's or TLS's error
   */
  exchange(query: DnsQuery, signal: AbortSignal): Promise<Uint8Array>;
  /** Closes its connections; what is under way fails. */
  close(): void;
}

/** What upstreams reach the network with. */
export type UpstreamEnvironment = {
  readonly dialer: DnsDialer;
  readonly clock: Clock;
  /** Whether a way is an outbound that resolves names itself. */
  readonly takesNames: (via: DnsVia) => boolean;
  /** Certificates in PEM form that are trusted besides the well-known ones. */
  readonly trustedCertificates: () => readonly string[];
  /** Resolves the host of a server with the default servers. */
  readonly resolveServer: (host: string, signal: AbortSignal) => Promise<ResolvedHost>;
};

/** How long one question may take altogether. */
export const EXCHANGE_LIMIT_MS = 5_000;

/** A signal that aborts with the parent and after a time; `cancel` must be called when done. */
export function deadline(
  clock: Clock,
  limitMs: number,
  parent?: AbortSignal,
): { readonly signal: AbortSignal; abort(reason?: unknown): void; cancel(): void } {
  const controller = new AbortController();
  const abort = (reason?: unknown) => controller.abort(reason ?? timedOut());
  const timer = clock.after(limitMs, () => abort());
  const onParent = () => abort(parent?.reason);
  if (parent?.aborted === true) onParent();
  parent?.addEventListener('abort', onParent, { once: true });
  const cancel = () => {
    timer.cancel();
    parent?.removeEventListener('abort', onParent);
  };
  return { signal: controller.signal, abort, cancel };
}

/** The promise's outcome, or the signal's reason as soon as it aborts. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

export function timedOut(): GatewayError {
  return new GatewayError('timeout', 'dns.timeout', 'context deadline exceeded');
}

/** Whether bytes are a response to the query: header flags, id, and the question up to the case of letters. */
export function isResponseTo(query: DnsQuery, id: number, bytes: Uint8Array): boolean {
  if (bytes.length < 12 || u16At(bytes, 0) !== id || (u16At(bytes, 2) & DNS_FLAG.QR) === 0) return false;
  const asked = query.question;
  const answered = questionOf(bytes);
  return (
    asked !== undefined &&
    answered !== undefined &&
    asked.type === answered.type &&
    asked.class === answered.class &&
    asked.name === answered.name
  );
}

function questionOf(bytes: Uint8Array): DnsQuestion | undefined {
  try {
    return readQuestion(bytes);
  } catch {
    // Garbage is not an answer to anything.
    return undefined;
  }
}
