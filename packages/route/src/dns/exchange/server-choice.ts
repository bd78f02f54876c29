import type { Clock } from '@sluice/base/clock';
import type { DnsQuery } from '@sluice/codec/dns/message';
import { DNS_CLASS, DNS_TYPE } from '@sluice/codec/dns/types';
import type { FallbackFilter } from '../policy/fallback-filter.ts';
import type { PolicyTable } from '../policy/policy-table.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type Answer, askAll } from './ask-all.ts';

/** An answer and the way it took: `main`, `fallback` or `policy <key>`. */
export type ChosenAnswer = Answer & { readonly via: string };

export type ServerChoiceOptions = {
  readonly clock: Clock;
  readonly main: readonly Upstream[];
  readonly policy: PolicyTable | undefined;
  /** `undefined` when there is no fallback. */
  readonly fallback: { readonly upstreams: readonly Upstream[]; readonly filter: FallbackFilter } | undefined;
  /** Ask fallback only once its answer is needed. */
  readonly fallbackIsLazy: boolean;
};

const ADDRESS_TYPES: ReadonlySet<number> = new Set([DNS_TYPE.A, DNS_TYPE.AAAA, DNS_TYPE.CNAME]);

/** Chooses the servers for a question: policies, then main, and fallback for addresses that are not believed. */
export class ServerChoice {
  readonly #options: ServerChoiceOptions;

  constructor(options: ServerChoiceOptions) {
    this.#options = options;
  }

  /** @throws GatewayError `dns.failed`, or the signal's reason */
  async ask(query: DnsQuery, signal: AbortSignal): Promise<ChosenAnswer> {
    const { clock, policy, main, fallback } = this.#options;
    const name = query.question?.name ?? '';
    const chosen = policy?.find(name);
    if (chosen !== undefined)
      return { ...(await askAll(chosen.upstreams, query, clock, signal)), via: `policy ${chosen.key}` };
    const isPlain = fallback === undefined || !wantsAddress(query);
    if (isPlain) return { ...(await askAll(main, query, clock, signal)), via: 'main' };
    if (fallback.filter.skipsMain(name))
      return { ...(await askAll(fallback.upstreams, query, clock, signal)), via: 'fallback' };
    return this.#askBoth(query, fallback, signal);
  }

  async #askBoth(
    query: DnsQuery,
    fallback: { readonly upstreams: readonly Upstream[]; readonly filter: FallbackFilter },
    signal: AbortSignal,
  ): Promise<ChosenAnswer> {
    const { clock, main, fallbackIsLazy } = this.#options;
    const notNeeded = new AbortController();
    const askFallback = () =>
      askAll(fallback.upstreams, query, clock, AbortSignal.any([signal, notNeeded.signal]));
    const early = fallbackIsLazy ? undefined : askFallback();
    // Its failure only counts once it is waited for.
    early?.catch(() => undefined);
    // A main server that never answers must leave time for a fallback that is asked after it.
    const fromMain = await settled(askAll(main, query, clock, signal));
    if (fromMain !== undefined && fallback.filter.trusts(fromMain.message)) {
      notNeeded.abort();
      return { ...fromMain, via: 'main' };
    }
    return { ...(await (early ?? askFallback())), via: 'fallback' };
  }
}

function wantsAddress({ question }: DnsQuery): boolean {
  return question !== undefined && question.class === DNS_CLASS.IN && ADDRESS_TYPES.has(question.type);
}

/** What a promise resolves to, `undefined` when it rejects. */
async function settled<T>(promise: Promise<T>): Promise<T | undefined> {
  const [outcome] = await Promise.allSettled([promise]);
  return outcome.status === 'fulfilled' ? outcome.value : undefined;
}
