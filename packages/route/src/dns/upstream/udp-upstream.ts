import { randomInt } from 'node:crypto';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import { isTruncated, setU16, withId } from '@sluice/codec/dns/header';
import type { DnsQuery } from '@sluice/codec/dns/message';
import type { PacketSocket } from '../../outbound/outbound.ts';
import { dialTarget } from './server-address.ts';
import { isResponseTo, orAborted, type Upstream, type UpstreamEnvironment } from './upstream.ts';
import type { UpstreamConfig } from './upstream-config.ts';

type UdpConfig = Extract<UpstreamConfig, { readonly server: Endpoint }>;

/** A datagram may get lost; the second and third still come in time for who is waiting. */
const RESEND_MS = 1_500;

/**
 * DNS over UDP (RFC 1035 §4.2.1). Every query has its own socket and id, so that a forged answer has to guess both; a truncated
 * answer is asked for again over TCP.
 */
export class UdpUpstream implements Upstream {
  readonly text: string;
  readonly isFixed = false;
  readonly #config: UdpConfig;
  readonly #environment: UpstreamEnvironment;
  readonly #overTcp: Upstream;
  readonly #waiting = new Set<PacketSocket>();

  /** `overTcp` is the same server and is closed with this one. */
  constructor(config: UdpConfig, environment: UpstreamEnvironment, overTcp: Upstream) {
    this.text = config.text;
    this.#config = config;
    this.#environment = environment;
    this.#overTcp = overTcp;
  }

  async exchange(query: DnsQuery, signal: AbortSignal): Promise<Uint8Array> {
    const target = await dialTarget(this.#config, this.#environment, signal, true);
    const response = await this.#ask(query, target, signal);
    if (isTruncated(response)) return this.#overTcp.exchange(query, signal);
    return response;
  }

  close(): void {
    for (const socket of this.#waiting) socket.close();
    this.#overTcp.close();
  }

  async #ask(query: DnsQuery, target: Endpoint, signal: AbortSignal): Promise<Uint8Array> {
    const { via } = this.#config.options;
    const id = randomInt(65_536);
    const answer = Promise.withResolvers<Uint8Array>();
    // A socket that closes while it is being opened rejects before anybody waits.
    answer.promise.catch(() => undefined);
    const onPacket = (data: Uint8Array, from: Endpoint): void => {
      if (via === '' && (from.host !== unmapIp(target.host) || from.port !== target.port)) return;
      if (!isResponseTo(query, id, data)) return;
      const response = Buffer.from(data);
      setU16(response, 0, query.id);
      answer.resolve(response);
    };
    const onClose = (): void => answer.reject(new GatewayError('unavailable', 'dns.closed', 'socket closed'));
    const socket = await this.#environment.dialer.openUdp(target, via, { onPacket, onClose }, signal);
    this.#waiting.add(socket);
    const question = withId(query.bytes, id);
    const resending = this.#environment.clock.every(RESEND_MS, () => socket.send(question, target));
    try {
      socket.send(question, target);
      return await orAborted(answer.promise, signal);
    } finally {
      resending.cancel();
      this.#waiting.delete(socket);
      socket.close();
    }
  }
}
