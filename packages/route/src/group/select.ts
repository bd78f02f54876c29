import { GatewayError } from '@sluice/base/errors';
import type { GroupConfig } from '../config/proxy-config.ts';

/** A group whose member is chosen by hand. */
export class SelectGroup {
  readonly config: GroupConfig;
  /** As it was asked for; kept while the member is absent, so that it comes back with it. */
  #selected: string;

  constructor(config: GroupConfig, selected: string | undefined) {
    this.config = config;
    this.#selected = selected ?? config.defaultSelected;
  }

  get name(): string {
    return this.config.name;
  }

  /** The member in use: the selected one, or the first. */
  get now(): string {
    const { members } = this.config;
    return members.includes(this.#selected) ? this.#selected : (members[0] ?? '');
  }

  /** @throws GatewayError `route.not-a-member` */
  select(member: string): void {
    if (!this.config.members.includes(member)) {
      throw new GatewayError('invalid', 'route.not-a-member', 'proxy not exist');
    }
    this.#selected = member;
  }
}
