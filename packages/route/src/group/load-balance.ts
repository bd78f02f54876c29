import type { Clock } from '@sluice/base/clock';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { balanceKey } from './balance-key.ts';
import { DialFeedback } from './dial-feedback.ts';
import { Group, type GroupParts } from './group.ts';
import { addUint64, hashText, jumpHash, type Uint64 } from './jump-hash.ts';
import { typeOf } from './member-list.ts';
import type { Member } from './node.ts';
import { StickyPlaces } from './sticky-places.ts';

const HASH_TRIES = 5;
const STICKY_TRIES = 4;

/** A group that spreads flows over its members that are alive. */
export class LoadBalanceGroup extends Group {
  readonly type = 'LoadBalance';
  readonly #feedback: DialFeedback;
  readonly #places: StickyPlaces;
  readonly #clock: Clock;
  /** Whose turn it is. */
  #turn = 0;
  #draws = 0;

  constructor(parts: GroupParts) {
    super(parts);
    this.#feedback = new DialFeedback(parts.config, parts.list, parts.clock, parts.log);
    this.#places = new StickyPlaces(parts.clock);
    this.#clock = parts.clock;
  }

  override peek(flow?: FlowMetadata): Member {
    const members = this.members();
    switch (this.config.strategy) {
      case 'consistent-hashing':
        return this.#byHash(members, flow);
      case 'round-robin':
        return this.#byTurn(members);
      case 'sticky-sessions':
        return this.#bySession(members, flow);
    }
  }

  override take(member: Member, flow?: FlowMetadata): void {
    const members = this.members();
    // 0 for one that has left the list in the meantime.
    const index = Math.max(0, members.indexOf(member));
    if (this.config.strategy === 'round-robin') this.#turn = (index + 1) % members.length;
    if (this.config.strategy === 'sticky-sessions') this.#places.set(placeOf(sessionKey(flow)), index);
  }

  override dialed(member: Member, error: unknown, flow?: FlowMetadata): void {
    super.dialed(member, error);
    if (flow?.network !== 'udp') this.#feedback.dialed(typeOf(member), error);
  }

  #byHash(members: readonly Member[], flow: FlowMetadata | undefined): Member {
    const key = hashText(flow === undefined ? '' : balanceKey(flow));
    for (let attempt = 0; attempt < HASH_TRIES; attempt++) {
      const member = members[jumpHash(addUint64(key, attempt), members.length)];
      if (member !== undefined && this.isAlive(member)) return member;
    }
    return members.find((member) => this.isAlive(member)) ?? this.first;
  }

  #byTurn(members: readonly Member[]): Member {
    for (let step = 0; step < members.length; step++) {
      const member = members[(this.#turn + step) % members.length];
      if (member !== undefined && this.isAlive(member)) return member;
    }
    return this.first;
  }

  #bySession(members: readonly Member[], flow: FlowMetadata | undefined): Member {
    const key = sessionKey(flow);
    let index = this.#places.get(placeOf(key));
    for (let attempt = 0; attempt < STICKY_TRIES; attempt++) {
      const member = members[index ?? this.#draw(key, members.length)];
      if (member !== undefined && this.isAlive(member)) return member;
      index = undefined;
    }
    return this.first;
  }

  /** Another place for the key from time to time and from draw to draw. */
  #draw(key: Uint64, count: number): number {
    const nowNs = Math.floor(this.#clock.monotonicMs() * 1e6);
    return jumpHash(addUint64(key, nowNs + this.#draws++), count);
  }
}

function sessionKey(flow: FlowMetadata | undefined): Uint64 {
  return hashText(flow === undefined ? '' : `${flow.sourceIp}${balanceKey(flow)}`);
}

function placeOf({ high, low }: Uint64): string {
  return `${high}.${low}`;
}
