import type { OutboundNode } from '../group/node.ts';
import type { HealthCheck } from '../health/health-check.ts';
import type { ProxyProviderView, RuleProviderView } from '../port.ts';
import type { EntrySetSource } from '../rule-set/entry-set.ts';

/** A named list of outbounds that can change while the gateway runs. */
export interface ProxyProvider {
  readonly name: string;
  readonly check: HealthCheck;
  /** In source order; [] while nothing could be loaded. A new array after every change. */
  nodes(): readonly OutboundNode[];
  /** Called after every change of `nodes`; the result ends that. */
  onChange(listener: () => void): () => void;
  /** Loads the last good copy or fetches; resolves when there is something to serve or the attempt failed (which is logged). */
  start(): Promise<void>;
  stop(): void;
  /** @throws GatewayError `provider.update` with the text to show; what was loaded stays */
  update(): Promise<void>;
  view(): Omit<ProxyProviderView, 'proxies'>;
}

/** A named list of rule entries that can change while the gateway runs. */
export interface RuleProvider extends EntrySetSource {
  start(): Promise<void>;
  stop(): void;
  update(): Promise<void>;
  view(): RuleProviderView;
}
