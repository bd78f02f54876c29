import { GatewayError } from '@sluice/base/errors';
import { cidrContains, parseCidr, parseIp } from '@sluice/base/ip';
import { newFlow } from '@sluice/core/ports/flow';
import type { GeoSource } from '../../geo/geo-source.ts';
import type { EntrySet, EntrySetSource } from '../../rule-set/entry-set.ts';
import type { RuleResources } from '../rule-resources.ts';
import type { RuleSubject } from '../rule-subject.ts';

/** Small geo databases: 1.2.0.0/16 is `cn` with AS 4134, `*.cn.example` is on list `cn`, `ads.cn.example` has `@ads`. */
export class TestGeo implements GeoSource {
  readonly datMode: boolean;
  /** Addresses that were looked up. */
  readonly asked: string[] = [];
  missing = false;

  constructor(datMode = false) {
    this.datMode = datMode;
  }

  countriesOf(ip: string): readonly string[] {
    this.#need('country.mmdb');
    this.asked.push(ip);
    return isIn(ip, '1.2.0.0/16') ? ['cn'] : [];
  }

  asnOf(ip: string) {
    this.#need('ASN.mmdb');
    const isKnown = isIn(ip, '1.2.0.0/16');
    return { number: isKnown ? '4134' : '', organization: isKnown ? 'China Telecom' : '' };
  }

  siteList(name: string, attributes: readonly string[]) {
    this.#need('GeoSite.dat');
    if (name !== 'cn') throw new GatewayError('not-found', 'geo.list', `list ${name} not found`);
    const tail = attributes.includes('ads') ? 'ads.cn.example' : 'cn.example';
    return { size: 2, matches: (host: string) => host === tail || host.endsWith(`.${tail}`) };
  }

  ipList(code: string) {
    this.#need('GeoIP.dat');
    if (code !== 'cn') throw new GatewayError('not-found', 'geo.list', `code ${code} not found`);
    return { size: 7, matches: (ip: string) => isIn(ip, '1.2.0.0/16') };
  }

  ipListSize(): number {
    return this.datMode ? 7 : 0;
  }

  #need(file: string): void {
    if (this.missing) throw new GatewayError('unavailable', 'geo.missing', `${file} is missing`);
  }
}

function isIn(ip: string, prefix: string): boolean {
  const cidr = parseCidr(prefix);
  const address = parseIp(ip);
  return cidr !== undefined && address !== undefined && cidrContains(cidr, address);
}

/** Resources of a rule list in a test; `sets` are rule providers by name, `undefined` for one that is not loaded. */
export function testResources(
  sets: ReadonlyMap<string, EntrySet | undefined> = new Map(),
  geo: GeoSource = new TestGeo(),
): RuleResources {
  const findSet = (name: string): EntrySetSource | undefined =>
    sets.has(name) ? { name, behavior: 'classical', current: () => sets.get(name) } : undefined;
  return { geo, findSet, fakeIpBroadcast: '198.18.255.255' };
}

/** A TCP flow of a client in the local network to port 443, with what a test changes. */
export function testFlow(over: Partial<RuleSubject>): RuleSubject {
  const flow = newFlow({
    network: 'tcp',
    type: 'HTTP',
    sourceIp: '192.168.1.2',
    sourcePort: 5000,
    host: '',
    destinationPort: 443,
    inboundIp: '127.0.0.1',
    inboundPort: 7890,
    inboundName: 'DEFAULT-MIXED',
  });
  return { ...flow, ...over };
}
