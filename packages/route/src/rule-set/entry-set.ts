import type { RuleSubject } from '../rule/rule-subject.ts';

export type SetBehavior = 'domain' | 'ipcidr' | 'classical';

/** One load of a rule provider's entries, immutable and compiled. */
export interface EntrySet {
  readonly behavior: SetBehavior;
  /** Entries for display. */
  readonly count: number;
  /** Whether any entry has to know the destination's IP. */
  readonly wantsIp: boolean;
  /** Whether any entry has to know the client's process. */
  readonly wantsProcess: boolean;
  /** Whether a flow is in the set; `source` swaps source and destination (`src` option). */
  matches(subject: RuleSubject, source: boolean): boolean;
  /** Whether a lower-case name is in the set; of classical sets only the domain entries count. */
  hasDomain(host: string): boolean;
  /** Whether an IP literal is in the set; of classical sets only the IP entries count. */
  hasIp(ip: string): boolean;
}

/** Where a rule or a DNS policy finds a set by name; `undefined` while it is not loaded, and then nothing matches. */
export interface EntrySetSource {
  readonly name: string;
  readonly behavior: SetBehavior;
  current(): EntrySet | undefined;
}

/** Rule providers by name; `undefined` for names that are not configured. */
export type FindEntrySet = (name: string) => EntrySetSource | undefined;
