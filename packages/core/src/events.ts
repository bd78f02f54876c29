import type { ErrorKind } from '@sluice/base/errors';

/** What the planes announce to whoever listens; every value is a plain snapshot. */
export type GatewayEvents = {
  'flow.opened': { readonly id: string };
  'flow.closed': { readonly id: string };
  'exchange.stored': { readonly ids: readonly string[] };
  'stream.changed': {
    readonly schema: string;
    readonly app: string;
    readonly stream: string;
    readonly online: boolean;
  };
  'config.changed': { readonly section: string };
  'service.failed': { readonly service: string; readonly kind: ErrorKind; readonly message: string };
};

type Listener<T> = (event: T) => void;

/** A typed, synchronous event bus; a listener that throws does not stop the others. */
export class Events {
  readonly #listeners = new Map<keyof GatewayEvents, Set<Listener<never>>>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  on<K extends keyof GatewayEvents>(name: K, listener: Listener<GatewayEvents[K]>): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => void set.delete(listener);
  }

  emit<K extends keyof GatewayEvents>(name: K, event: GatewayEvents[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as Listener<GatewayEvents[K]>)(event);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}
