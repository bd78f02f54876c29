import type { HealthCheck } from '../health/health-check.ts';
import type { ProxyProviderView } from '../port.ts';
import type { Member } from './node.ts';
import { memberView } from './outbound-view.ts';

/** The outbounds and groups that a group names itself, as a provider of the control API. */
export class OwnProvider {
  readonly name: string;
  readonly check: HealthCheck;
  readonly #lookUp: () => readonly Member[];
  #members: readonly Member[] | undefined;

  /** `lookUp` is asked once, when all members exist. */
  constructor(name: string, lookUp: () => readonly Member[], check: HealthCheck) {
    this.name = name;
    this.check = check;
    this.#lookUp = lookUp;
  }

  members(): readonly Member[] {
    this.#members ??= this.#lookUp();
    return this.#members;
  }

  view(): ProxyProviderView {
    const { url, expectedStatus } = this.check.options;
    return {
      name: this.name,
      vehicleType: 'Compatible',
      proxies: this.members().map(memberView),
      testUrl: url,
      expectedStatus,
      updatedAtMs: undefined,
      subscription: undefined,
      lastError: '',
    };
  }
}
