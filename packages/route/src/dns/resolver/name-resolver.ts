import { isIP } from 'node:net';
import { unmapIp } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import { encodeQuery } from '@sluice/codec/dns/encode';
import { parseDnsQuery, scanMessage } from '@sluice/codec/dns/message';
import { answerAddresses } from '@sluice/codec/dns/records';
import { DNS_TYPE } from '@sluice/codec/dns/types';
import type { HostValue } from '../../config/host-table.ts';
import type { ResolvedHost, Resolver } from '../../net/system-resolver.ts';
import type { DnsExchanger, LookupPurpose, LookupRecord } from './resolvers.ts';

export type NameResolverOptions = {
  readonly exchanger: DnsExchanger;
  readonly clock: Clock;
  readonly purpose: LookupPurpose;
  /** What is known about lower-case names without asking; aliases are followed already. */
  readonly hosts: { find(name: string): HostValue | undefined };
  /** False: IPv6 addresses are neither asked for nor given. */
  readonly ipv6: () => boolean;
  /** How much longer IPv6 addresses are waited for once the IPv4 ones are there. */
  readonly ipv6TimeoutMs: number;
  readonly onLookup: (record: LookupRecord) => void;
};

type Family = { readonly ips: readonly string[]; readonly error: unknown };

const NONE: Family = { ips: [], error: undefined };

/** Resolves names for the gateway itself: hosts first, then both families at once; never fake addresses. */
export class NameResolver implements Resolver {
  readonly #options: NameResolverOptions;

  constructor(options: NameResolverOptions) {
    this.#options = options;
  }

  async resolve(host: string): Promise<ResolvedHost> {
    const literal = unmapIp(host);
    if (isIP(literal) !== 0) return byFamily([literal]);
    const name = host.toLowerCase().replace(/\.$/, '');
    const known = this.#options.hosts.find(name);
    if (known?.kind === 'ips') return this.#fromHosts(known.ips);
    const target = known === undefined ? name : known.name;
    return isIP(target) === 0 ? this.#lookup(target) : this.#fromHosts([target]);
  }

  #fromHosts(ips: readonly string[]): ResolvedHost {
    const { ipv4, ipv6 } = byFamily(ips);
    const wanted = { ipv4, ipv6: this.#options.ipv6() ? ipv6 : [] };
    if (wanted.ipv4.length + wanted.ipv6.length === 0) throw noAddress(undefined);
    return wanted;
  }

  async #lookup(name: string): Promise<ResolvedHost> {
    const pendingA = this.#ask(name, DNS_TYPE.A);
    if (!this.#options.ipv6()) {
      const a = await pendingA;
      if (a.ips.length > 0) return { ipv4: a.ips, ipv6: [] };
      throw a.error === undefined ? noAddress(undefined) : resolveFailed(a.error);
    }
    const pendingAaaa = this.#ask(name, DNS_TYPE.AAAA);
    const a = await pendingA;
    // Without an IPv4 address the IPv6 ones are worth any wait.
    const aaaa = await (a.ips.length > 0 ? this.#withinTimeout(pendingAaaa) : pendingAaaa);
    if (a.ips.length + aaaa.ips.length === 0) throw noAddress(a.error ?? aaaa.error);
    return { ipv4: a.ips, ipv6: aaaa.ips };
  }

  async #withinTimeout(pending: Promise<Family>): Promise<Family> {
    const late = Promise.withResolvers<Family>();
    const timer = this.#options.clock.after(this.#options.ipv6TimeoutMs, () => late.resolve(NONE));
    try {
      return await Promise.race([pending, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** Never rejects. */
  async #ask(name: string, type: number): Promise<Family> {
    const { exchanger, clock, onLookup, purpose } = this.#options;
    const startedMs = clock.monotonicMs();
    const report = (via: string, server: string, answer: Uint8Array | undefined) =>
      onLookup({ purpose, name, type, via, server, answer, durationMs: clock.monotonicMs() - startedMs });
    try {
      const query = parseDnsQuery(encodeQuery(name, type, { id: 0, recursionDesired: true }));
      const { bytes, via, server } = exchanger.cached(query) ?? (await exchanger.exchange(query));
      report(via, server, bytes);
      const family = type === DNS_TYPE.A ? 4 : 6;
      const addresses = answerAddresses(scanMessage(bytes)).filter(({ ip }) => isIP(ip) === family);
      return { ips: addresses.map(({ ip }) => ip), error: undefined };
    } catch (error) {
      report('main', '', undefined);
      return { ips: [], error };
    }
  }
}

function byFamily(ips: readonly string[]): ResolvedHost {
  return { ipv4: ips.filter((ip) => isIP(ip) === 4), ipv6: ips.filter((ip) => isIP(ip) === 6) };
}

function noAddress(cause: unknown): GatewayError {
  return new GatewayError('unavailable', 'route.no-address', "couldn't find ip", { cause });
}

function resolveFailed(error: unknown): GatewayError {
  const message = `dns resolve failed: ${errorText(error)}`;
  return new GatewayError('unavailable', 'route.resolve-failed', message, { cause: error });
}
