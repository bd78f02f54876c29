import type { Clock } from '@sluice/base/clock';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { DialFeedback } from './dial-feedback.ts';
import { Group, type GroupParts } from './group.ts';
import { typeOf } from './member-list.ts';
import type { Member } from './node.ts';

const CHOICE_MS = 10_000;

type Choice = { readonly member: Member; readonly members: readonly Member[]; readonly untilMs: number };

/** A group that uses its quickest member, unless another was fixed by hand and is alive. */
export class UrlTestGroup extends Group {
  readonly type = 'URLTest';
  readonly #clock: Clock;
  readonly #feedback: DialFeedback;
  #fixed: string;
  /** The name of the latest automatic choice; a provider's update brings other objects under the same names. */
  #current: string | undefined;
  #choice: Choice | undefined;

  constructor(parts: GroupParts) {
    super(parts);
    this.#clock = parts.clock;
    this.#feedback = new DialFeedback(parts.config, parts.list, parts.clock, parts.log);
    this.#fixed = parts.selected;
  }

  override get fixed(): string {
    return this.#fixed;
  }

  override peek(): Member {
    const fixed = this.#fixed === '' ? undefined : this.find(this.#fixed);
    if (fixed !== undefined && this.isAlive(fixed)) return fixed;
    const members = this.members();
    const nowMs = this.#clock.monotonicMs();
    const choice = this.#choice;
    if (choice !== undefined && choice.members === members && nowMs < choice.untilMs) return choice.member;
    const member = this.#quickest(members);
    this.#current = member.name;
    this.#choice = { member, members, untilMs: nowMs + CHOICE_MS };
    return member;
  }

  override dialed(member: Member, error: unknown, flow?: FlowMetadata): void {
    super.dialed(member, error);
    if (flow?.network !== 'udp') this.#feedback.dialed(typeOf(member), error);
  }

  override async select(member: string): Promise<void> {
    this.#fixed = this.require(member).name;
    this.#choice = undefined;
  }

  override clearFixed(): void {
    this.#fixed = '';
    this.#choice = undefined;
  }

  /** The latest choice stays while it is alive and at most `tolerance` slower than the quickest. */
  #quickest(members: readonly Member[]): Member {
    let candidate = this.first;
    for (const member of members) {
      if (this.isAlive(member) && this.#delayMs(member) < this.#delayMs(candidate)) candidate = member;
    }
    const current = members.find(({ name }) => name === this.#current);
    if (current === undefined || !this.isAlive(current)) return candidate;
    const isMuchSlower = this.#delayMs(current) > this.#delayMs(candidate) + this.config.toleranceMs;
    return isMuchSlower ? candidate : current;
  }

  #delayMs(member: Member): number {
    return member.health.lastDelayMs(this.config.testUrl);
  }
}
