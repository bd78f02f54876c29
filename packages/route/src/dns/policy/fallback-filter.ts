import { DomainPatterns } from '@sluice/base/domain-patterns';
import { messageRcode } from '@sluice/codec/dns/header';
import type { DnsMessage } from '@sluice/codec/dns/message';
import { answerAddresses } from '@sluice/codec/dns/records';
import { DNS_RCODE } from '@sluice/codec/dns/types';
import { PrefixSet } from '../../config/prefixes.ts';
import type { GeoSource } from '../../geo/geo-source.ts';
import { isLanIp } from '../../geo/lan.ts';
import { unlessMissing } from '../../rule/condition.ts';
import type { FallbackFilterConfig } from '../resolver/resolver-config.ts';
import { geositeMatcher, type NameMatcher } from './name-matchers.ts';

/** Decides when the answer of the main servers gives way to that of the fallback servers. */
export class FallbackFilter {
  readonly #onlyFallback: NameMatcher;
  readonly #isForeign: ((ip: string) => boolean) | undefined;
  readonly #prefixes: PrefixSet;

  /** @throws GatewayError `geo.list`, `geo.missing`, `route.prefix` */
  constructor(config: FallbackFilterConfig, geo: GeoSource) {
    const patterns = new DomainPatterns<true>();
    for (const pattern of config.domain) patterns.add(pattern, true);
    const inLists = geositeMatcher(geo, config.geosite);
    this.#onlyFallback = (name) => patterns.find(name) === true || inLists(name);
    this.#isForeign = config.geoip ? foreignTo(config.geoipCode.toLowerCase(), geo) : undefined;
    this.#prefixes = new PrefixSet(config.ipcidr);
  }

  /** Whether a lower-case name is a matter of the fallback servers alone. */
  skipsMain(name: string): boolean {
    return this.#onlyFallback(name);
  }

  /** Whether an answer of the main servers is used: it has addresses and none of them is distrusted. */
  trusts(message: DnsMessage): boolean {
    if (messageRcode(message.bytes) !== DNS_RCODE.NOERROR) return false;
    const addresses = answerAddresses(message);
    return addresses.length > 0 && !addresses.some(({ ip }) => this.#distrusts(ip));
  }

  #distrusts(ip: string): boolean {
    return this.#isForeign?.(ip) === true || this.#prefixes.includes(ip);
  }
}

function foreignTo(code: string, geo: GeoSource): (ip: string) => boolean {
  if (geo.datMode) {
    const list = geo.ipList(code);
    return (ip) => !isLanIp(ip, '') && !list.matches(ip);
  }
  return (ip) => !isLanIp(ip, '') && !unlessMissing(() => geo.countriesOf(ip).includes(code), true);
}
