import type { Socket } from 'node:net';
import { errorText, ProtocolError } from '@sluice/base/errors';
import { type BodyFraming, keepsAlive, responseFraming } from '@sluice/codec/http1/framing';
import {
  formatRequestHead,
  formatResponseHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from '@sluice/codec/http1/head';
import { HeadBuffer } from '@sluice/codec/http1/head-buffer';
import { type HeaderLines, headerTokens } from '@sluice/codec/http1/header';
import { stripHopByHop } from '@sluice/codec/http1/hop-by-hop';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { ChunkReader } from '../net/chunk-reader.ts';
import { copyBody, writeFully } from './http-body.ts';
import type { HttpUpstreams, Upstream } from './http-upstreams.ts';

/** A plain request to an origin server, as the proxy will send it. */
export type ForwardRequest = {
  readonly head: RequestHead;
  /** Origin form. */
  readonly path: string;
  /** What goes in `Host`. */
  readonly authority: string;
  /** Of the body. */
  readonly framing: BodyFraming;
  readonly metadata: FlowMetadata;
};

/** Why the origin gave no response; the client has not been answered. */
export class NoResponseError extends Error {
  /** True when the client's connection is at the end of the request, so that it can be answered and go on. */
  readonly requestConsumed: boolean;

  constructor(cause: unknown, requestConsumed: boolean) {
    super(errorText(cause), { cause });
    this.requestConsumed = requestConsumed;
  }
}

/** True when the client wants its connection kept: only this header counts for a proxy's client. */
export function wantsKeepAlive(headers: HeaderLines): boolean {
  return headerTokens(headers, 'proxy-connection').includes('keep-alive');
}

/**
 * Carries one request to its origin and the response back. Resolves to whether the client's connection can take another.
 * @throws NoResponseError before anything was sent to the client, ProtocolError after that
 */
export async function forwardExchange(
  client: ChunkReader,
  request: ForwardRequest,
  upstreams: HttpUpstreams,
): Promise<boolean> {
  const hasBody = request.framing.kind !== 'none';
  let { upstream, sent, response } = await begin(client, request, upstreams, false);
  if (response === undefined && upstream.reused && !hasBody) {
    ({ upstream, sent, response } = await begin(client, request, upstreams, true));
  }
  if (response === undefined) {
    upstream.stream.destroy();
    throw new NoResponseError(new ProtocolError('truncated', 0, 'EOF'), !hasBody);
  }
  try {
    const keepClient = await sendResponse(client.stream as Socket, request.head, response, upstream);
    const requestDone = sent.done;
    if (requestDone && response.reusable) upstreams.give({ ...upstream, reused: true });
    else upstream.stream.destroy();
    return keepClient && requestDone;
  } catch (error) {
    upstream.stream.destroy();
    throw error;
  }
}

type Received = { readonly head: ResponseHead; readonly framing: BodyFraming; readonly reusable: boolean };

/** Sends the request and waits for the head of the final response; the body goes on being sent meanwhile. */
async function begin(client: ChunkReader, request: ForwardRequest, upstreams: HttpUpstreams, fresh: boolean) {
  const { framing } = request;
  const hasBody = framing.kind !== 'none';
  let upstream: Upstream;
  try {
    upstream = await upstreams.take({ ...request.metadata }, fresh);
  } catch (error) {
    throw new NoResponseError(error, !hasBody);
  }
  const { stream } = upstream;
  const sent = { done: !hasBody };
  stream.write(requestHeadText(request), 'latin1');
  if (hasBody) {
    copyBody(client, framing, stream, framing.kind === 'chunked')
      .then(() => {
        sent.done = true;
      })
      // Without the rest of its request the origin cannot answer sensibly.
      .catch(() => stream.destroy());
  }
  try {
    const response = await receiveHead(upstream, request.head.method, client.stream as Socket);
    return { upstream, sent, response };
  } catch (error) {
    stream.destroy();
    if (upstream.reused && !hasBody) return { upstream, sent, response: undefined };
    throw new NoResponseError(error, !hasBody);
  }
}

function requestHeadText({ head, path, authority }: ForwardRequest): string {
  const kept = stripHopByHop(head.headers).filter(([name]) => !DROPPED.has(name.toLowerCase()));
  return formatRequestHead(head.method, path, '1.1', [['Host', authority], ...kept]);
}

const DROPPED = new Set(['host', 'te', 'trailers']);

/** The head of the final response; informational ones are passed on. `undefined` when the origin ended before it. */
async function receiveHead(
  upstream: Upstream,
  method: string,
  client: Socket,
): Promise<Received | undefined> {
  const buffer = new HeadBuffer();
  for (;;) {
    const chunk = await upstream.reader.next();
    if (chunk === undefined) return undefined;
    const complete = buffer.push(chunk);
    if (complete === undefined) continue;
    upstream.reader.unread(complete.rest);
    const head = parseResponseHead(complete.head);
    if (head.status === 101) throw new ProtocolError('unexpected-upgrade', 0);
    if (head.status >= 200) {
      const framing = responseFraming(head, method);
      return {
        head,
        framing,
        reusable: framing.kind !== 'until-close' && keepsAlive(head.headers, head.version),
      };
    }
    client.write(formatResponseHead(head.status, head.reason, '1.1', stripHopByHop(head.headers)), 'latin1');
  }
}

/** Sends head and body; resolves to whether the client's connection stays open. */
async function sendResponse(
  client: Socket,
  request: RequestHead,
  { head, framing }: Received,
  upstream: Upstream,
): Promise<boolean> {
  const openEnded = framing.kind === 'chunked' || framing.kind === 'until-close';
  const chunked = openEnded && request.version === '1.1';
  const keep = wantsKeepAlive(request.headers) && (!openEnded || chunked);
  const kept = stripHopByHop(head.headers).filter(
    ([name]) => !RE_FRAMED.has(name.toLowerCase()) || !openEnded,
  );
  const headers: HeaderLines = [
    ...kept.filter(([name]) => !DROPPED.has(name.toLowerCase()) || name.toLowerCase() === 'host'),
    ...(chunked ? ([['Transfer-Encoding', 'chunked']] as const) : []),
    ...connectionHeaders(keep),
  ];
  await writeFully(client, formatResponseHead(head.status, head.reason, request.version, headers));
  await copyBody(upstream.reader, framing, client, chunked);
  return keep;
}

const RE_FRAMED = new Set(['transfer-encoding', 'content-length']);

/** What tells the client whether its connection stays open. */
export function connectionHeaders(keep: boolean): HeaderLines {
  if (!keep) return [['Connection', 'close']];
  return [
    ['Proxy-Connection', 'keep-alive'],
    ['Connection', 'keep-alive'],
    ['Keep-Alive', 'timeout=4'],
  ];
}
