import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Endpoint } from '@sluice/base/address';
import { type Clock, systemClock } from '@sluice/base/clock';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { PrefixSet } from '../../config/prefixes.ts';
import { LogRecorder } from '../../testing/log-recorder.ts';
import { startRelay } from '../../tunnel/relay.ts';
import type { ClientPacket } from '../../tunnel/udp-session.ts';
import type { AccessRules } from '../access.ts';
import type { InboundDescription } from '../description.ts';
import type { FlowSink } from '../inbound.ts';
import { InboundSet, type InboundSetParts } from '../inbound-set.ts';

/** A description on loopback with any free port. */
export function inbound(partial: Partial<InboundDescription> = {}): InboundDescription {
  return {
    origin: 'listener',
    kind: 'mixed',
    name: 'in',
    host: '127.0.0.1',
    port: 0,
    tcp: true,
    udp: false,
    specialProxy: '',
    specialRules: '',
    users: undefined,
    tls: undefined,
    target: undefined,
    routingMark: 0,
    fastOpen: false,
    multipath: false,
    ...partial,
  };
}

/** Global access with these users. */
export function accessOf(users: Readonly<Record<string, string>> = {}): AccessRules {
  return {
    users: new Map(Object.entries(users)),
    lanAllowed: new PrefixSet(['0.0.0.0/0', '::/0']),
    lanDisallowed: new PrefixSet([]),
    skipAuth: new PrefixSet([]),
  };
}

/** Inbounds whose flows go straight to their destinations, with what they said on the way. */
export class InboundRig implements FlowSink {
  readonly #log = new LogRecorder();
  readonly lines = this.#log.lines;
  readonly flows: FlowMetadata[] = [];
  readonly packets: ClientPacket[] = [];
  readonly set: InboundSet;
  access: AccessRules = accessOf();
  readonly #open = new Set<Duplex>();

  readonly #dialInstead: Endpoint | undefined;

  /** `dialInstead` is where every flow goes, whatever its destination. */
  constructor(
    options: Partial<InboundSetParts> & { readonly clock?: Clock; readonly dialInstead?: Endpoint } = {},
  ) {
    this.#dialInstead = options.dialInstead;
    this.set = new InboundSet({
      clock: systemClock,
      log: this.#log,
      sink: this,
      access: () => this.access,
      onPacket: (packet) => {
        this.packets.push(packet);
        return undefined;
      },
      keepAlive: () => ({ enabled: true, idleMs: 15_000, intervalMs: 15_000 }),
      homeDir: '/nonexistent',
      ...options,
    });
  }

  /** The port of the only, or of the named inbound. */
  port(name?: string): number {
    const found = this.set.listeners().find((each) => name === undefined || each.name === name);
    if (found === undefined) throw new Error(`no inbound ${name}: ${this.lines.join('; ')}`);
    return found.port;
  }

  async relay(metadata: FlowMetadata, client: Duplex): Promise<void> {
    try {
      const { stream } = await this.open(metadata);
      await startRelay(client, stream, {
        countUpload: () => undefined,
        countDownload: () => undefined,
        observe: () => () => undefined,
      }).finished;
    } catch {
      // The client sees the end of its connection, as with a real sink.
      client.destroy();
    }
  }

  async open(metadata: FlowMetadata) {
    this.flows.push(metadata);
    const host = metadata.host === '' ? metadata.destinationIp : metadata.host;
    const to = this.#dialInstead ?? { host, port: metadata.destinationPort };
    const stream = net.connect({ ...to, allowHalfOpen: true });
    stream.pause();
    this.#open.add(stream);
    stream.on('error', () => stream.destroy());
    await once(stream, 'connect');
    return { stream, flowId: 'flow', chain: ['DIRECT'] };
  }

  async close(): Promise<void> {
    await this.set.close();
    for (const stream of this.#open) stream.destroy();
  }
}
