import type { Socket } from 'node:net';
import { errorText } from '@sluice/base/errors';
import { Deadlines } from '../net/deadlines.ts';
import type { RouteListener } from '../port.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { type FixedPort, type InboundDescription, identityOf, placeOf, titleOf } from './description.ts';
import { HANDSHAKE_LIMIT_MS } from './inbound.ts';
import { OpenInbound, type OpenInboundParts } from './open-inbound.ts';

/** Where inbounds deliver, and what they all share. */
export type InboundSetParts = Omit<OpenInboundParts, 'deadlines' | 'unfinished' | 'limit'> & {
  /** Most connections of all inbounds together; by default what the process can have. */
  readonly connectionLimit?: number;
};

/** The inbounds: opened and closed so that they are those that are wanted. */
export class InboundSet {
  readonly #parts: OpenInboundParts;
  readonly #limit: ConnectionLimit;
  /** By identity of their descriptions. */
  readonly #open = new Map<string, OpenInbound>();
  /** Connections that have not become flows: in their handshake, or HTTP clients between requests. */
  readonly #unfinished = new Set<Socket>();
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: InboundSetParts) {
    this.#limit = new ConnectionLimit(parts.clock, parts.log, parts.connectionLimit);
    this.#parts = {
      ...parts,
      deadlines: new Deadlines(parts.clock, HANDSHAKE_LIMIT_MS),
      unfinished: this.#unfinished,
      limit: this.#limit,
    };
  }

  /** Makes the open inbounds those that are described; what stays is not touched, what cannot start is logged. */
  apply(wanted: readonly InboundDescription[]): Promise<void> {
    this.#turn = this.#turn.then(() => this.#apply(wanted));
    return this.#turn;
  }

  /** Stops accepting on every inbound and drops connections that have not become flows. */
  async close(): Promise<void> {
    await this.#turn;
    for (const inbound of this.#open.values()) inbound.close();
    this.#open.clear();
    for (const socket of this.#unfinished) socket.destroy();
  }

  /** Addresses really listened on. */
  listeners(): readonly RouteListener[] {
    return Array.from(this.#open.values(), ({ description: { name, host, kind }, port }) => ({
      name,
      host,
      port,
      kind,
    }));
  }

  /** The fixed ports really listened on, 0 for those that are off or could not bind. */
  boundPorts(): Readonly<Record<FixedPort, number>> {
    const ports = { port: 0, socksPort: 0, mixedPort: 0, redirPort: 0, tproxyPort: 0 };
    for (const { description, port } of this.#open.values()) {
      const { origin } = description;
      if (origin !== 'listener' && origin !== 'tunnel') ports[origin] = port;
    }
    return ports;
  }

  /** Connections of all inbounds that are open, how many may be, and how many were refused because of that. */
  connections(): { readonly open: number; readonly limit: number; readonly refused: number } {
    const { open, limit, refused } = this.#limit;
    return { open, limit, refused };
  }

  async #apply(wanted: readonly InboundDescription[]): Promise<void> {
    const byIdentity = new Map(wanted.map((description) => [identityOf(description), description]));
    for (const [identity, inbound] of this.#open) {
      if (byIdentity.has(identity)) inbound.refresh();
      else {
        this.#open.delete(identity);
        inbound.close();
      }
    }
    for (const [identity, description] of byIdentity)
      if (!this.#open.has(identity)) await this.#openOne(identity, description);
  }

  async #openOne(identity: string, description: InboundDescription): Promise<void> {
    const { log } = this.#parts;
    const inbound = new OpenInbound(description, this.#parts);
    try {
      await inbound.open();
      this.#open.set(identity, inbound);
      log.info(`${titleOf(description)} proxy listening at: ${placeOf(description.host, inbound.port)}`);
    } catch (error) {
      inbound.close();
      log.error(`${failureOf(description)}: ${errorText(error)}`);
    }
  }
}

function failureOf(description: InboundDescription): string {
  switch (description.origin) {
    case 'listener':
      return `Listener ${description.name} listen err`;
    case 'tunnel':
      return `Start tunnel ${placeOf(description.host, description.port)} error`;
    default:
      return `Start ${titleOf(description)} server error`;
  }
}
