import type { Duplex } from 'node:stream';
import { type Endpoint, formatEndpoint } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import { formatRequestHead, parseResponseHead } from '@sluice/codec/http1/head';
import { HandshakeReader } from '../net/handshake-reader.ts';
import { startTls } from '../outbound/server-link.ts';

/** The outcome of one test: milliseconds from before the dial to the response head, at least 1, and its status. */
export type DelayResult = { readonly delayMs: number; readonly status: number };

/** Opens a stream to the test server through the outbound under test. */
export type TestDial = (target: Endpoint, signal: AbortSignal) => Promise<Duplex>;

const LIMIT_MS = 30_000;
const HEAD_LIMIT_BYTES = 65_536;

/**
 * Sends a HEAD request for an http or https URL; redirects are not followed. With `unified` a second request on the same
 * connection is what counts, when it succeeds. `cancel` ends the test early.
 * @throws GatewayError `route.delay-timeout` (kind timeout) or `route.delay-failed` (kind unavailable)
 */
export async function measureDelay(
  url: string,
  timeoutMs: number,
  unified: boolean,
  clock: Clock,
  dial: TestDial,
  cancel?: AbortSignal,
): Promise<DelayResult> {
  if (!(timeoutMs > 0)) throw timedOut();
  const deadline = new AbortController();
  const timer = clock.after(Math.min(timeoutMs, LIMIT_MS), () => deadline.abort());
  const signal = cancel === undefined ? deadline.signal : AbortSignal.any([deadline.signal, cancel]);
  try {
    const target = parseTestUrl(url);
    const startMs = clock.monotonicMs();
    const opened = await openInTime(dial, target, signal);
    let stream = opened;
    try {
      if (target.secure) {
        const options = { serverName: target.host, skipCertVerify: false, fingerprint: '' };
        stream = await startTls(opened, options, signal);
      }
      const status = await head(stream, target, signal);
      const first = { delayMs: elapsed(clock, startMs), status };
      return unified ? await second(stream, target, signal, clock, first) : first;
    } finally {
      stream.destroy();
      opened.destroy();
    }
  } catch (error) {
    if (deadline.signal.aborted) throw timedOut();
    throw new GatewayError('unavailable', 'route.delay-failed', errorText(error), { cause: error });
  } finally {
    timer.cancel();
  }
}

/** An outbound that is slow to notice the end of its time does not hold up the test; what it opens too late is closed. */
async function openInTime(dial: TestDial, target: TestTarget, signal: AbortSignal): Promise<Duplex> {
  const over = Promise.withResolvers<never>();
  const onAbort = () => over.reject(timedOut());
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const opening = dial({ host: target.host, port: target.port }, signal);
  try {
    return await Promise.race([opening, over.promise]);
  } catch (error) {
    opening.then(
      (late) => late.destroy(),
      // It lost against the deadline, or is the very error that is thrown.
      () => undefined,
    );
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function second(
  stream: Duplex,
  target: TestTarget,
  signal: AbortSignal,
  clock: Clock,
  first: DelayResult,
): Promise<DelayResult> {
  const startMs = clock.monotonicMs();
  try {
    const status = await head(stream, target, signal);
    return { delayMs: elapsed(clock, startMs), status };
  } catch {
    // The server may not keep connections; the first measurement stands.
    return first;
  }
}

function elapsed(clock: Clock, startMs: number): number {
  return Math.max(1, Math.round(clock.monotonicMs() - startMs));
}

type TestTarget = Endpoint & { readonly secure: boolean; readonly path: string };

function parseTestUrl(url: string): TestTarget {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error(`unsupported scheme ${protocol}`);
  const secure = protocol === 'https:';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    host,
    port: port === '' ? (secure ? 443 : 80) : Number(port),
    secure,
    path: `${pathname}${search}`,
  };
}

async function head(stream: Duplex, target: TestTarget, signal: AbortSignal): Promise<number> {
  const host = formatEndpoint(target.host, target.port).replace(/:(80|443)$/, '');
  stream.write(
    Buffer.from(
      formatRequestHead('HEAD', target.path, '1.1', [
        ['Host', host],
        ['User-Agent', 'sluice'],
      ]),
      'latin1',
    ),
  );
  const reader = new HandshakeReader(stream, HEAD_LIMIT_BYTES, signal);
  const status = await reader.read((bytes) => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = buffer.indexOf('\r\n\r\n');
    return end < 0
      ? undefined
      : { value: parseResponseHead(buffer.subarray(0, end + 4)).status, sizeBytes: end + 4 };
  });
  reader.release();
  return status;
}

function timedOut(): GatewayError {
  return new GatewayError('timeout', 'route.delay-timeout', 'Timeout');
}
