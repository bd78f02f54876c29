import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import type { Logger } from '@sluice/core/log/logger';
import type { Dialed } from '@sluice/core/ports/dialer';
import { type FlowMetadata, type InboundType, newFlow } from '@sluice/core/ports/flow';
import type { Deadlines } from '../net/deadlines.ts';
import type { AccessRules } from './access.ts';

/** Where inbounds deliver what they accepted. */
export interface FlowSink {
  /** Owns the paused stream from now on; resolves when the flow has ended, never rejects. */
  relay(metadata: FlowMetadata, client: Duplex): Promise<void>;
  /** @throws GatewayError when no outbound could connect */
  open(metadata: FlowMetadata, signal?: AbortSignal): Promise<Dialed>;
}

/** How the flows of one inbound are marked. */
export type InboundLabels = {
  /** `DEFAULT-HTTP`, …, or the name of a listener. */
  readonly name: string;
  /** Outbound for everything, `''` for none. */
  readonly specialProxy: string;
  /** Sub-rules instead of `rules`, `''` for none. */
  readonly specialRules: string;
};

/** What the protocol side of an inbound needs; `access` is read for every connection. */
export type InboundParts = InboundLabels & {
  readonly clock: Clock;
  readonly log: Logger;
  readonly sink: FlowSink;
  readonly access: () => AccessRules;
  /** Of handshakes: everything before a destination is known. */
  readonly deadlines: Deadlines;
};

/** Speaks one inbound protocol on an accepted, paused, error-guarded socket. */
export type ConnectionHandler = (socket: Socket) => Promise<void>;

/** How long a client may take for everything before its destination is known. */
export const HANDSHAKE_LIMIT_MS = 30_000;

/** The metadata of a flow from an accepted connection. */
export function flowMetadata(
  socket: Socket,
  { name, specialProxy, specialRules }: InboundLabels,
  type: InboundType,
  target: Endpoint,
  inboundUser: string,
): FlowMetadata {
  return newFlow({
    network: 'tcp',
    type,
    sourceIp: unmapIp(socket.remoteAddress ?? ''),
    sourcePort: socket.remotePort ?? 0,
    host: target.host,
    destinationPort: target.port,
    inboundIp: unmapIp(socket.localAddress ?? ''),
    inboundPort: socket.localPort ?? 0,
    inboundName: name,
    inboundUser,
    specialProxy,
    specialRules,
  });
}
