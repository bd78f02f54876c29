import { type Endpoint, formatEndpoint } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import { type DatagramListener, openUdpListener } from './open-udp-listener.ts';
import type { DnsResponder } from './responder.ts';
import { TcpListener } from './tcp-listener.ts';

/** The sockets of the DNS server: UDP and TCP on one address, or none. */
export class DnsListeners {
  readonly #responder: DnsResponder;
  readonly #clock: Clock;
  readonly #log: Logger;
  #wanted: Endpoint | undefined;
  #udp: DatagramListener | undefined;
  #tcp: TcpListener | undefined;
  /** Changes come one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(responder: DnsResponder, clock: Clock, log: Logger) {
    this.#responder = responder;
    this.#clock = clock;
    this.#log = log;
  }

  /** Where it listens; with port 0 asked for, TCP takes a port and UDP the same. */
  get bound(): { readonly host: string; readonly port: number } | undefined {
    const port = this.#udp?.port ?? this.#tcp?.port;
    return this.#wanted === undefined || port === undefined ? undefined : { host: this.#wanted.host, port };
  }

  /** Listens on another address; sockets on an unchanged one stay. What cannot be opened is logged and left out. */
  apply(wanted: Endpoint | undefined): Promise<void> {
    const run = (): Promise<void> => this.#apply(wanted);
    this.#work = this.#work.then(run, run);
    return this.#work;
  }

  close(): Promise<void> {
    return this.apply(undefined);
  }

  async #apply(wanted: Endpoint | undefined): Promise<void> {
    if (!isSame(wanted, this.#wanted)) {
      await Promise.all([this.#udp?.close(), this.#tcp?.close()]);
      this.#udp = undefined;
      this.#tcp = undefined;
    }
    this.#wanted = wanted;
    if (wanted === undefined) return;
    const isNew = this.#udp === undefined && this.#tcp === undefined;
    this.#tcp ??= await this.#open('', TcpListener.listen(wanted, this.#responder, this.#clock, this.#log));
    const port = wanted.port === 0 ? (this.#tcp?.port ?? 0) : wanted.port;
    this.#udp ??= await this.#open(
      '(UDP)',
      openUdpListener({ host: wanted.host, port }, this.#responder, this.#log),
    );
    const bound = this.bound;
    if (isNew && bound !== undefined)
      this.#log.info(`DNS server listening at: ${formatEndpoint(bound.host, bound.port)}`);
  }

  async #open<T>(kind: string, opening: Promise<T>): Promise<T | undefined> {
    try {
      return await opening;
    } catch (error) {
      this.#log.error(`Start DNS server${kind} error: ${errorText(error)}`);
      return undefined;
    }
  }
}

function isSame(a: Endpoint | undefined, b: Endpoint | undefined): boolean {
  return a?.host === b?.host && a?.port === b?.port;
}
