import { type Duplex, duplexPair } from 'node:stream';
import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type {
  Outbound,
  OutboundRequest,
  OutboundStream,
  OutboundTraits,
  PacketHandlers,
  PacketSocket,
} from '../outbound.ts';
import { openDnsPackets } from './dns-packets.ts';
import { FrameReader, firstEvent } from './frame-reader.ts';

/** Answers one DNS message as the gateway's DNS server would; `client` is `ip:port` of who asks, `''` for nobody outside. */
export type AnswerDns = (message: Uint8Array, client: string) => Promise<Uint8Array>;

const READ_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 5_000;

/** Answers what is sent through it with the gateway's own DNS, whatever the destination. */
export class DnsOutbound implements Outbound {
  readonly name: string;
  readonly type = 'Dns';
  readonly udp = true;
  readonly traits: OutboundTraits;
  readonly #answer: AnswerDns;
  readonly #clock: Clock;

  constructor(name: string, traits: OutboundTraits, answer: AnswerDns, clock: Clock) {
    this.name = name;
    this.traits = traits;
    this.#answer = (message, client) => inTime(answer(message, client), clock);
    this.#clock = clock;
  }

  dialTcp({ target, source }: OutboundRequest): Promise<OutboundStream> {
    const [near, far] = duplexPair({ allowHalfOpen: true });
    near.on('error', () => near.destroy());
    far.on('error', () => far.destroy());
    far.once('close', () => near.destroy());
    near.once('close', () => far.destroy());
    serve(far, this.#answer, clientOf(source), this.#clock).then(
      () => far.end(),
      () => far.destroy(),
    );
    return Promise.resolve({ stream: near, remote: target.host });
  }

  openUdp({ source }: OutboundRequest, handlers: PacketHandlers): Promise<PacketSocket> {
    return Promise.resolve(openDnsPackets(this.#answer, clientOf(source), handlers, this.#clock));
  }
}

/** Messages with a two-byte length before each (RFC 1035 §4.2.2), one after the other until the client ends or is silent. */
async function serve(stream: Duplex, answer: AnswerDns, client: string, clock: Clock): Promise<void> {
  const reader = new FrameReader(stream);
  for (;;) {
    const timer = clock.after(READ_TIMEOUT_MS, () => stream.destroy());
    const message = await reader.next().finally(() => timer.cancel());
    if (message === undefined) return;
    const reply = await answer(message, client);
    const frame = Buffer.allocUnsafe(2 + reply.length);
    frame.writeUInt16BE(reply.length, 0);
    frame.set(reply, 2);
    // A client that asks without reading the answers must not fill the memory.
    if (!stream.write(frame)) await firstEvent(stream, ['drain', 'close']);
  }
}

function inTime(reply: Promise<Uint8Array>, clock: Clock): Promise<Uint8Array> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(ANSWER_TIMEOUT_MS, () =>
    late.reject(new GatewayError('timeout', 'dns.timeout', 'the query took too long')),
  );
  return Promise.race([reply, late.promise]).finally(() => timer.cancel());
}

function clientOf(source: OutboundRequest['source']): string {
  return source === undefined ? '' : `${source.host}:${source.port}`;
}
