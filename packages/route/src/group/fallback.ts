import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { MemberTest } from '../health/scheduled-health-check.ts';
import { DialFeedback } from './dial-feedback.ts';
import { Group, type GroupParts } from './group.ts';
import { typeOf } from './member-list.ts';
import type { Member } from './node.ts';

const SELECT_TEST_MS = 5_000;

/** A group that uses its first member that is alive, or one fixed by hand for as long as it is alive. */
export class FallbackGroup extends Group {
  readonly type = 'Fallback';
  readonly #feedback: DialFeedback;
  readonly #test: MemberTest;
  #fixed: string;

  constructor(parts: GroupParts) {
    super(parts);
    this.#feedback = new DialFeedback(parts.config, parts.list, parts.clock, parts.log);
    this.#test = parts.test;
    this.#fixed = parts.selected;
  }

  override get fixed(): string {
    return this.#fixed;
  }

  override peek(): Member {
    for (const member of this.members()) {
      if (this.#fixed !== '' && member.name !== this.#fixed) continue;
      if (this.isAlive(member)) return member;
      // A fixed member that died is forgotten; the search goes on behind it.
      this.#fixed = '';
    }
    return this.first;
  }

  override dialed(member: Member, error: unknown, flow?: FlowMetadata): void {
    super.dialed(member, error);
    if (flow?.network !== 'udp') this.#feedback.dialed(typeOf(member), error);
  }

  override async select(name: string): Promise<void> {
    const member = this.require(name);
    if (!this.isAlive(member)) {
      const { testUrl, expectedStatus } = this.config;
      // Its outcome is in the member's health, where the next look finds it.
      await Promise.allSettled([this.#test(member, testUrl, SELECT_TEST_MS, expectedStatus)]);
    }
    // Not before: a look in the meantime would find the member dead and forget it.
    this.#fixed = member.name;
  }

  override clearFixed(): void {
    this.#fixed = '';
  }
}
