import type { Duplex } from 'node:stream';
import type { Dialed } from './dialer.ts';
import type { FlowMetadata } from './flow.ts';

/** A routed TCP flow whose rule asked for inspection, handed over before any upstream was opened. */
export type TappedFlow = {
  readonly id: string;
  readonly metadata: Readonly<FlowMetadata>;
  /** The client side; bytes read from it are exactly what the client sent to the destination. */
  readonly client: Duplex;
  /** Text of the matched rule, for the record. */
  readonly rule: string;
  /** Opens a connection to the flow's destination through the outbound that the rule chose. May be called repeatedly. */
  dial(signal?: AbortSignal): Promise<Dialed>;
};

/** Takes over flows that a rule selected for inspection. */
export interface FlowTap {
  /** False while inspection is switched off; the route plane then relays as usual. */
  readonly active: boolean;
  /** Owns `flow.client` from now on and resolves when the flow has ended; never rejects. */
  accept(flow: TappedFlow): Promise<void>;
}
