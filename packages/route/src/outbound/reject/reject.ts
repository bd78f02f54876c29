import { Duplex } from 'node:stream';
import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import {
  NO_TRAITS,
  type Outbound,
  type OutboundRequest,
  type OutboundStream,
  type OutboundTraits,
  type PacketHandlers,
  type PacketSocket,
} from '../outbound.ts';

const DROP_HANG_MS = 60_000;

/** Ends every connection at once; datagrams are swallowed. */
export class RejectOutbound implements Outbound {
  readonly name: string;
  readonly type = 'Reject';
  readonly udp = true;
  readonly traits: OutboundTraits;

  constructor(name: string, traits: OutboundTraits = NO_TRAITS) {
    this.name = name;
    this.traits = traits;
  }

  dialTcp({ target }: OutboundRequest): Promise<OutboundStream> {
    const stream = new Duplex({
      allowHalfOpen: false,
      read() {
        this.push(null);
      },
      write: (_chunk, _encoding, done) => done(),
    });
    return Promise.resolve({ stream, remote: target.host });
  }

  openUdp(_request: OutboundRequest, handlers: PacketHandlers): Promise<PacketSocket> {
    return Promise.resolve({ send: () => undefined, close: () => handlers.onClose() });
  }
}

/** Swallows what the client sends and lets it hang for a minute. */
export class RejectDropOutbound implements Outbound {
  readonly name: string;
  readonly type = 'RejectDrop';
  readonly udp = true;
  readonly traits = NO_TRAITS;
  readonly #clock: Clock;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
  }

  dialTcp({ target }: OutboundRequest): Promise<OutboundStream> {
    const stream = new Duplex({
      allowHalfOpen: false,
      read: () => undefined,
      write: (_chunk, _encoding, done) => done(),
    });
    const timer = this.#clock.after(DROP_HANG_MS, () => stream.push(null));
    stream.once('close', () => timer.cancel());
    return Promise.resolve({ stream, remote: target.host });
  }

  openUdp(): Promise<PacketSocket> {
    return Promise.reject(new GatewayError('forbidden', 'route.rejected', 'rejected drop packet'));
  }
}
