import type { GroupConfig } from '../config/proxy-config.ts';
import type { HealthCheck } from '../health/health-check.ts';
import type { ProxyProvider } from '../provider/provider.ts';
import type { Member } from './node.ts';
import type { OwnProvider } from './own-provider.ts';

/** Where a group's members come from. */
export type MemberSources = {
  /** The members that the group names itself; `undefined` when it names none. */
  readonly own: OwnProvider | undefined;
  /** In the order of `use`. */
  readonly providers: readonly ProxyProvider[];
  /** Stands in while there is no member. */
  readonly emptyFallback: () => Member;
};

/** The members of one group: its own and those of its providers, filtered and ordered. */
export class MemberList {
  readonly #config: GroupConfig;
  readonly #sources: MemberSources;
  /** What the list was made of: providers give a new array after every change. */
  #madeOf: readonly (readonly Member[])[] = [];
  #members: readonly Member[] = [];

  constructor(config: GroupConfig, sources: MemberSources) {
    this.#config = config;
    this.#sources = sources;
  }

  /** In order and never empty; the same array until a provider changes. */
  members(): readonly Member[] {
    const { providers, emptyFallback } = this.#sources;
    const isCurrent =
      this.#madeOf.length === providers.length &&
      providers.every((provider, index) => provider.nodes() === this.#madeOf[index]);
    if (isCurrent && this.#members.length > 0) return this.#members;
    this.#madeOf = providers.map((provider) => provider.nodes());
    const members = this.#merge();
    this.#members = members.length > 0 ? members : [emptyFallback()];
    return this.#members;
  }

  /** A flow went through the group. */
  touch(): void {
    for (const check of this.#checks()) check.touch();
  }

  /** Tests everything the group is made of; never rejects. */
  async check(): Promise<void> {
    await Promise.all(this.#checks().map((check) => check.run()));
  }

  #checks(): HealthCheck[] {
    const { own, providers } = this.#sources;
    return [...(own === undefined ? [] : [own]), ...providers].map(({ check }) => check);
  }

  #merge(): Member[] {
    const { filters, excludeFilters, excludeTypes } = this.#config;
    const own = this.#sources.own?.members() ?? [];
    const lists = this.#madeOf.map((nodes) => filtered(nodes, filters));
    const sourceCount = lists.length + (own.length > 0 ? 1 : 0);
    const all = [...own, ...lists.flat()];
    const ordered = sourceCount > 1 && filters.length > 1 ? orderedByFilter(all, filters) : all;
    return ordered.filter(
      (member) =>
        !excludeTypes.includes(typeOf(member).toLowerCase()) &&
        !excludeFilters.some((filter) => filter.test(member.name)),
    );
  }
}

/** The control API's type name. */
export function typeOf(member: Member): string {
  return member.kind === 'outbound' ? member.outbound.type : member.type;
}

/** Those that match, in the order of the expressions and, under one expression, as they were. */
function filtered(members: readonly Member[], filters: readonly RegExp[]): readonly Member[] {
  if (filters.length === 0) return members;
  return [...new Set(filters.flatMap((filter) => members.filter(({ name }) => filter.test(name))))];
}

/** In the order of the expressions; what matches none comes last. */
function orderedByFilter(members: readonly Member[], filters: readonly RegExp[]): readonly Member[] {
  return [...new Set([...filtered(members, filters), ...members])];
}
