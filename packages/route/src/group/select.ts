import { Group, type GroupParts } from './group.ts';
import type { Member } from './node.ts';

/** A group whose member is chosen by hand. */
export class SelectGroup extends Group {
  readonly type = 'Selector';
  /** As it was asked for; kept while the member is absent, so that it comes back with it. */
  #selected: string;
  /** What `#selected` means in one state of the member list. */
  #found: { readonly members: readonly Member[]; readonly member: Member } | undefined;

  constructor(parts: GroupParts) {
    super(parts);
    this.#selected = parts.selected === '' ? parts.config.defaultSelected : parts.selected;
  }

  override peek(): Member {
    const members = this.members();
    if (this.#found?.members === members) return this.#found.member;
    const member = this.find(this.#selected) ?? this.first;
    this.#found = { members, member };
    return member;
  }

  override async select(member: string): Promise<void> {
    this.#selected = this.require(member).name;
    this.#found = undefined;
  }
}
