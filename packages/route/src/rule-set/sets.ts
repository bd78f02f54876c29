import type { DomainSet } from '@sluice/base/domain-set';
import type { IpSet } from '@sluice/base/ip-set';
import type { CompiledEntries } from '../rule/compile-entries.ts';
import type { RuleSubject } from '../rule/rule-subject.ts';
import type { EntrySet } from './entry-set.ts';

/** Domain patterns; they look at a flow's name only. */
export class DomainEntrySet implements EntrySet {
  readonly behavior = 'domain';
  readonly wantsIp = false;
  readonly wantsProcess = false;
  readonly count: number;
  readonly #domains: DomainSet;

  constructor(domains: DomainSet, count: number) {
    this.#domains = domains;
    this.count = count;
  }

  matches(subject: RuleSubject): boolean {
    return this.#domains.has(subject.sniffHost || subject.host);
  }

  hasDomain(host: string): boolean {
    return this.#domains.has(host);
  }

  hasIp(): boolean {
    return false;
  }
}

/** Prefixes; they look at a flow's destination address, or at its source. */
export class IpEntrySet implements EntrySet {
  readonly behavior = 'ipcidr';
  readonly wantsProcess = false;
  readonly count: number;
  readonly #ips: IpSet;

  constructor(ips: IpSet, count: number) {
    this.#ips = ips;
    this.count = count;
  }

  get wantsIp(): boolean {
    return this.#ips.rangeCount > 0;
  }

  matches(subject: RuleSubject, source: boolean): boolean {
    return this.#ips.has(source ? subject.sourceIp : subject.destinationIp);
  }

  hasDomain(): boolean {
    return false;
  }

  hasIp(ip: string): boolean {
    return this.#ips.has(ip);
  }
}

/** Rules without targets; plain names apart from the others. */
export class ClassicalEntrySet implements EntrySet {
  readonly behavior = 'classical';
  readonly #domains: DomainSet;
  readonly #entries: CompiledEntries;

  constructor(domains: DomainSet, entries: CompiledEntries) {
    this.#domains = domains;
    this.#entries = entries;
  }

  get count(): number {
    return this.#domains.size + this.#entries.count;
  }

  get wantsIp(): boolean {
    return this.#entries.wantsIp;
  }

  get wantsProcess(): boolean {
    return this.#entries.wantsProcess;
  }

  matches(subject: RuleSubject, source: boolean): boolean {
    if (this.#domains.has(subject.sniffHost || subject.host)) return true;
    return this.#entries.count > 0 && this.#entries.matches(subject, source);
  }

  hasDomain(host: string): boolean {
    return this.#domains.has(host) || this.#entries.hasDomain(host);
  }

  hasIp(ip: string): boolean {
    return this.#entries.hasIp(ip);
  }
}
