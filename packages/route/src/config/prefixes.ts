import { unmapIp } from '@sluice/base/address';
import { CidrIndex } from '@sluice/base/cidr-index';
import { NO_RULE } from '@sluice/base/domain-table';
import { GatewayError } from '@sluice/base/errors';
import { parseCidr } from '@sluice/base/ip';

/** A set of prefixes to test source addresses against. */
export class PrefixSet {
  readonly #index: CidrIndex;

  /** @throws GatewayError `route.prefix` for the first text that is not a prefix */
  constructor(prefixes: readonly string[]) {
    this.#index = new CidrIndex(
      prefixes.map((text, rule) => {
        const cidr = parseCidr(text.trim());
        if (cidr === undefined) throw new GatewayError('invalid', 'route.prefix', prefixError(text));
        return { cidr, rule };
      }),
    );
  }

  /** Whether the literal address (IPv4-mapped counts as IPv4) is in one of the prefixes. */
  includes(ip: string): boolean {
    return this.#index.lookup(unmapIp(ip)) !== NO_RULE;
  }
}

/** The message for a text that is not a prefix. */
export function prefixError(text: string): string {
  return `"${text}" is not a prefix like 192.168.0.0/16`;
}
