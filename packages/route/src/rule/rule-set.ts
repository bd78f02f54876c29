import type { CidrIndex } from '@sluice/base/cidr-index';
import type { DomainIndex } from '@sluice/base/domain-index';
import { NO_RULE } from '@sluice/base/domain-table';
import type { KeywordIndex } from '@sluice/base/keyword-index';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { RuleView } from '../port.ts';
import { RULE_TYPES, type RuleType } from './parse-rule.ts';
import { firstAtLeast, type PortIndex } from './port-index.ts';

/** A rule that matched. `type` and `payload` are the control API's texts. */
export type MatchedRule = {
  readonly index: number;
  readonly type: RuleType;
  readonly payload: string;
  readonly target: string;
  readonly inspect: boolean;
};

/**
 * The outcome of one matching step.
 * - `matched`: route by this rule.
 * - `needs-ip`: resolve the host, put the answer in `metadata.destinationIp` (leave it `''` when resolving failed), and call
 *   `match` again with `resumeAt`; that is asked at most once a flow.
 * - `none`: no rule wants the flow; it goes DIRECT.
 */
export type RuleMatch =
  | { readonly kind: 'matched'; readonly rule: MatchedRule }
  | { readonly kind: 'needs-ip'; readonly resumeAt: number }
  | { readonly kind: 'none' };

/** What a rule can be matched on. */
export type RuleSubject = Pick<
  FlowMetadata,
  'network' | 'sourceIp' | 'sourcePort' | 'host' | 'destinationIp' | 'destinationPort'
>;

/** The rule list in columns: one entry per rule, in order. Made by `compileRules`. */
export type RuleColumns = {
  /** Places in RULE_TYPES. */
  readonly types: Uint8Array;
  /** Payloads by rule number; those of domain rules are in the domain index. */
  readonly payloads: ReadonlyMap<number, string>;
  /** Places in `targetNames`. */
  readonly targets: Uint32Array;
  readonly targetNames: readonly string[];
  /** 1 for rules that ask for inspection. */
  readonly inspect: Uint8Array;
};

/** The same rules arranged by what they look at; rule numbers inside are places in the list. */
export type RuleIndices = {
  readonly domains: DomainIndex | undefined;
  readonly keywords: KeywordIndex | undefined;
  readonly destinations: CidrIndex | undefined;
  readonly sources: CidrIndex | undefined;
  readonly destinationPorts: PortIndex | undefined;
  readonly sourcePorts: PortIndex | undefined;
  /** Rising rule numbers. */
  readonly tcp: Int32Array;
  readonly udp: Int32Array;
  readonly always: Int32Array;
  /** Rules that make a host be resolved. */
  readonly wantIp: Int32Array;
};

type Hits = { count: number; atMs: number };

const NO_MATCH: RuleMatch = { kind: 'none' };

/**
 * The compiled rule list. Matching asks every index for its smallest rule number and takes the minimum, which is the first
 * match of the list; it never walks the list. Matching has no effects; call `recordHit` for the rule that was really used.
 */
export class RuleSet {
  readonly #columns: RuleColumns;
  readonly #indices: RuleIndices;
  readonly #disabled = new Set<number>();
  readonly #hits = new Map<number, Hits>();

  constructor(columns: RuleColumns, indices: RuleIndices) {
    this.#columns = columns;
    this.#indices = indices;
  }

  get size(): number {
    return this.#columns.types.length;
  }

  /**
   * One matching step; see `RuleMatch`.
   * @param accepts whether a rule's target can carry the flow; a refused rule is passed over and matching goes on
   * @param resumeAt the value of the `needs-ip` result that this call follows, absent on the first call
   */
  match(subject: RuleSubject, accepts: (target: string) => boolean, resumeAt?: number): RuleMatch {
    const mayAsk = resumeAt === undefined && subject.destinationIp === '' && subject.host !== '';
    const asksAt = mayAsk ? this.#firstEnabled(this.#indices.wantIp) : NO_RULE;
    let from = resumeAt ?? 0;
    for (;;) {
      const index = this.#firstMatch(subject, from);
      if (asksAt !== NO_RULE && (index === NO_RULE || index > asksAt))
        return { kind: 'needs-ip', resumeAt: asksAt };
      if (index === NO_RULE) return NO_MATCH;
      if (!this.#disabled.has(index) && accepts(targetOf(this.#columns, index))) {
        return { kind: 'matched', rule: new RuleInUse(this.#columns, this.#indices, index) };
      }
      from = index + 1;
    }
  }

  /** Counts a use of the rule. `nowMs` is the wall clock. */
  recordHit(index: number, nowMs: number): void {
    const hits = this.#hits.get(index);
    if (hits === undefined) {
      if (index >= 0 && index < this.size) this.#hits.set(index, { count: 1, atMs: nowMs });
    } else {
      hits.count++;
      hits.atMs = nowMs;
    }
  }

  /** Switches rules off (true) and on (false); a disabled rule is as if absent. Unknown indices are ignored. */
  setDisabled(flags: ReadonlyMap<number, boolean>): void {
    for (const [index, disabled] of flags) {
      if (!disabled) this.#disabled.delete(index);
      else if (Number.isInteger(index) && index >= 0 && index < this.size) this.#disabled.add(index);
    }
  }

  /** The list as the control API shows it. */
  views(): RuleView[] {
    return Array.from(this.#columns.types, (_, index) => {
      const hits = this.#hits.get(index);
      const { type, payload, target, inspect } = new RuleInUse(this.#columns, this.#indices, index);
      return {
        index,
        type,
        payload,
        proxy: target,
        inspect,
        disabled: this.#disabled.has(index),
        hitCount: hits?.count ?? 0,
        hitAtMs: hits?.atMs ?? 0,
      };
    });
  }

  #firstEnabled(rising: Int32Array): number {
    let index = firstAtLeast(rising, 0);
    while (index !== NO_RULE && this.#disabled.has(index)) index = firstAtLeast(rising, index + 1);
    return index;
  }

  #firstMatch(subject: RuleSubject, from: number): number {
    const indices = this.#indices;
    let best = firstAtLeast(indices.always, from);
    best = smaller(best, firstAtLeast(subject.network === 'tcp' ? indices.tcp : indices.udp, from));
    if (subject.host !== '') {
      if (indices.domains !== undefined) best = smaller(best, indices.domains.lookup(subject.host, from));
      if (indices.keywords !== undefined) best = smaller(best, indices.keywords.lookup(subject.host, from));
    }
    if (indices.destinations !== undefined && subject.destinationIp !== '') {
      best = smaller(best, indices.destinations.lookup(subject.destinationIp, from));
    }
    if (indices.sources !== undefined) best = smaller(best, indices.sources.lookup(subject.sourceIp, from));
    if (indices.destinationPorts !== undefined) {
      best = smaller(best, indices.destinationPorts.lookup(subject.destinationPort, from));
    }
    if (indices.sourcePorts !== undefined)
      best = smaller(best, indices.sourcePorts.lookup(subject.sourcePort, from));
    return best;
  }
}

function smaller(best: number, candidate: number): number {
  return candidate !== NO_RULE && (best === NO_RULE || candidate < best) ? candidate : best;
}

function targetOf(columns: RuleColumns, index: number): string {
  return columns.targetNames[columns.targets[index] as number] as string;
}

/** A row of the columns; what it says is read when asked for, since most decisions show none of it. */
class RuleInUse implements MatchedRule {
  readonly #columns: RuleColumns;
  readonly #indices: RuleIndices;
  readonly index: number;

  constructor(columns: RuleColumns, indices: RuleIndices, index: number) {
    this.#columns = columns;
    this.#indices = indices;
    this.index = index;
  }

  get type(): RuleType {
    return RULE_TYPES[this.#columns.types[this.index] as number] as RuleType;
  }

  get payload(): string {
    return this.#columns.payloads.get(this.index) ?? this.#indices.domains?.nameOf(this.index) ?? '';
  }

  get target(): string {
    return targetOf(this.#columns, this.index);
  }

  get inspect(): boolean {
    return this.#columns.inspect[this.index] === 1;
  }
}
