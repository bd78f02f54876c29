import { errorText } from '@sluice/base/errors';
import type { FlowTap, TappedFlow } from '@sluice/core/ports/flow-tap';
import type { ProxyServices } from './services.ts';
import { serveTunnel } from './tunnel.ts';

/** Takes flows that a routing rule selected for inspection; `services` is read once per flow. */
export class InspectTap implements FlowTap {
  readonly #services: () => ProxyServices | undefined;
  readonly #clients = new Set<TappedFlow['client']>();

  constructor(services: () => ProxyServices | undefined) {
    this.#services = services;
  }

  get active(): boolean {
    return this.#services()?.settings.intercept === true;
  }

  /** Flows being served. */
  get flows(): number {
    return this.#clients.size;
  }

  async accept(flow: TappedFlow): Promise<void> {
    const { client, metadata, id } = flow;
    const services = this.#services();
    if (services === undefined) {
      client.destroy();
      return;
    }
    this.#clients.add(client);
    client.on('error', () => client.destroy());
    try {
      await serveTunnel(
        {
          services,
          client,
          address: { ip: metadata.sourceIp, port: metadata.sourcePort },
          flowId: id,
          host: metadata.host === '' ? metadata.destinationIp : metadata.host,
          port: metadata.destinationPort,
          // Every connection of the flow goes where its rule sent it.
          open: (_host, _port, signal) => flow.dial(signal),
        },
        Buffer.alloc(0),
      );
    } catch (error) {
      services.log.error('inspecting a flow failed', { flow: id, error: errorText(error) });
      client.destroy();
    } finally {
      this.#clients.delete(client);
    }
  }

  /** Closes every flow being served. */
  destroyConnections(): void {
    for (const client of this.#clients) client.destroy();
  }
}
