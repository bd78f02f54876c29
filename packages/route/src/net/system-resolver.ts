import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { unmapIp } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';

/** The addresses of one name, by family. */
export type ResolvedHost = { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] };

/** Turns names into addresses. */
export interface Resolver {
  /** A literal IP comes back as itself. @throws GatewayError `route.resolve-failed`, `route.no-address`, `route.ipv6-disabled` */
  resolve(host: string): Promise<ResolvedHost>;
}

const RESOLVE_LIMIT_MS = 5_000;

/** The operating system's resolver, given at most five seconds. Identical questions under way share one lookup. */
export class SystemResolver implements Resolver {
  readonly #clock: Clock;
  readonly #ipv6: () => boolean;
  readonly #pending = new Map<string, Promise<ResolvedHost>>();

  constructor(clock: Clock, ipv6: () => boolean) {
    this.#clock = clock;
    this.#ipv6 = ipv6;
  }

  resolve(host: string): Promise<ResolvedHost> {
    const ip = unmapIp(host);
    switch (isIP(ip)) {
      case 4:
        return Promise.resolve({ ipv4: [ip], ipv6: [] });
      case 6:
        return Promise.resolve({ ipv4: [], ipv6: [ip] });
    }
    let pending = this.#pending.get(host);
    if (pending === undefined) {
      pending = this.#lookup(host).finally(() => this.#pending.delete(host));
      this.#pending.set(host, pending);
    }
    return pending;
  }

  async #lookup(host: string): Promise<ResolvedHost> {
    const answers = await this.#withinLimit(host, lookup(host, { all: true, family: this.#ipv6() ? 0 : 4 }));
    const ipv4 = answers.filter((answer) => answer.family === 4).map((answer) => answer.address);
    const ipv6 = answers.filter((answer) => answer.family === 6).map((answer) => answer.address);
    if (answers.length === 0) throw new GatewayError('unavailable', 'route.no-address', "couldn't find ip");
    return { ipv4, ipv6 };
  }

  async #withinLimit<T>(host: string, answer: Promise<T>): Promise<T> {
    const limit = Promise.withResolvers<never>();
    const timer = this.#clock.after(RESOLVE_LIMIT_MS, () =>
      limit.reject(new Error(`lookup of ${host} took too long`)),
    );
    try {
      return await Promise.race([answer, limit.promise]);
    } catch (error) {
      throw new GatewayError(
        'unavailable',
        'route.resolve-failed',
        `dns resolve failed: ${errorText(error)}`,
        {
          cause: error,
        },
      );
    } finally {
      timer.cancel();
    }
  }
}

/** The first address of a host, IPv4 before IPv6. */
export function firstAddress(resolved: ResolvedHost): string {
  return resolved.ipv4[0] ?? resolved.ipv6[0] ?? '';
}
