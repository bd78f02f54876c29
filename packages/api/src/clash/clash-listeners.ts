import { formatEndpoint } from '@sluice/base/address';
import { errorText } from '@sluice/base/errors';
import { createHttpListener, type HttpListener } from '@sluice/core/http/http-listener';
import type { BoundAddress, ListenAddress } from '@sluice/core/http/listen-address';
import { loadHttpTls, type TlsSettings } from '@sluice/core/http/tls-material';
import type { Logger } from '@sluice/core/log/logger';
import type { Service } from '@sluice/core/service';
import { createClashDialect } from './clash-dialect.ts';
import type { ClashOptions } from './options.ts';

/** The controllers a kernel configuration asks for; absent ones are not opened. */
export type ClashListenerOptions = {
  /** `external-controller`; an empty host means every address. */
  readonly tcp?: { readonly host: string; readonly port: number } | undefined;
  /** `external-controller-tls`. */
  readonly tls?:
    | {
        readonly host: string;
        readonly port: number;
        readonly settings: TlsSettings;
        /** Where a path in `settings` points to. */
        resolvePath(path: string): string;
      }
    | undefined;
  /** `external-controller-unix`, the whole path; it asks for no secret. */
  readonly unix?: string | undefined;
  readonly clash: ClashOptions;
  readonly log: Logger;
};

/** A controller of its own. One that cannot listen says so in the log and does not keep the gateway from starting. */
export interface ClashListener extends Service {
  /** What it listens on, absent while it does not. */
  readonly address: BoundAddress | undefined;
}

/** Makes the controllers; `start` opens each. */
export function createClashListeners({
  tcp,
  tls,
  unix,
  clash,
  log,
}: ClashListenerOptions): readonly ClashListener[] {
  const listeners: ClashListener[] = [];
  if (tcp !== undefined) listeners.push(new LenientListener('', () => tcp, clash, log));
  if (tls !== undefined) {
    const { host, port, settings, resolvePath } = tls;
    const address = () => ({ host, port, tls: loadHttpTls(settings, resolvePath) });
    listeners.push(new LenientListener('tls ', address, clash, log));
  }
  if (unix !== undefined) {
    const open = { ...clash, secret: '' };
    listeners.push(new LenientListener('unix ', () => ({ socketPath: unix }), open, log));
  }
  return listeners;
}

class LenientListener implements ClashListener {
  readonly name: string;
  readonly #kind: string;
  readonly #addressOf: () => ListenAddress;
  readonly #clash: ClashOptions;
  readonly #log: Logger;
  #listener: HttpListener | undefined;

  constructor(kind: string, addressOf: () => ListenAddress, clash: ClashOptions, log: Logger) {
    this.name = `external controller ${kind}`.trim();
    this.#kind = kind;
    this.#addressOf = addressOf;
    this.#clash = clash;
    this.#log = log;
  }

  get address(): BoundAddress | undefined {
    return this.#listener?.address;
  }

  async start(): Promise<void> {
    try {
      const listener = createHttpListener({
        ...this.#addressOf(),
        name: this.name,
        log: this.#log,
        dialects: [createClashDialect(this.#clash)],
      });
      await listener.start();
      this.#listener = listener;
      const { host, port } = listener.address;
      const shown = port === 0 ? host : formatEndpoint(host === '' ? '::' : host, port);
      this.#log.info(`RESTful API ${this.#kind}listening at: ${shown}`);
    } catch (error) {
      this.#log.error(`External controller ${this.#kind}listen error: ${errorText(error)}`);
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await this.#listener?.stop(deadline);
  }
}
