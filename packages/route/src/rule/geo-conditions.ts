import { errorText } from '@sluice/base/errors';
import type { GeoSource, IpList, SiteList } from '../geo/geo-source.ts';
import { isLanIp } from '../geo/lan.ts';
import { type Condition, HostCondition, IpCondition, type IpQuestion, unlessMissing } from './condition.ts';
import { ruleError } from './rule-error.ts';
import type { RuleResources } from './rule-resources.ts';
import type { RuleSubject } from './rule-subject.ts';

const NO_CODES: readonly string[] = [];
const UNKNOWN_ASN = { number: '', organization: '' };

/** A condition together with the number of entries that the control API shows, -1 for none. */
export type SizedCondition = { readonly condition: Condition; readonly size: () => number };

/** Compiles `[!]name[@attribute…]`. @throws GatewayError `route.rule` for unknown lists, `geo.missing` */
export function geoSiteCondition(text: string, geo: GeoSource): SizedCondition {
  const negated = text.startsWith('!');
  const [name = '', ...attributes] = text
    .slice(negated ? 1 : 0)
    .toLowerCase()
    .split('@')
    .map((part) => part.trim());
  const list = loaded('GeoSite', () => geo.siteList(name, attributes));
  const test = (host: string): boolean => unlessMissing(() => list.matches(host) !== negated, false);
  return { condition: new HostCondition(test), size: sizeOf(list) };
}

/** Compiles a country code, `lan`, or `!code` when GeoIP.dat is read. @throws GatewayError as above */
export function geoIpCondition(
  code: string,
  source: boolean,
  wantsIp: boolean,
  { geo, fakeIpBroadcast }: RuleResources,
): SizedCondition {
  if (code === 'lan') {
    const isLan = (ip: string): boolean => isLanIp(ip, fakeIpBroadcast);
    const question: IpQuestion = { ofSubject: (subject, from) => isLan(ipOf(subject, from)), ofIp: isLan };
    return { condition: new IpCondition(question, source, wantsIp), size: () => 0 };
  }
  if (!geo.datMode) {
    return {
      condition: new IpCondition(countryQuestion(code, geo), source, wantsIp),
      size: () => unlessMissing(() => geo.ipListSize(code), 0),
    };
  }
  const negated = code.startsWith('!');
  const list = loaded('GeoIP', () => geo.ipList(negated ? code.slice(1) : code));
  const question = listQuestion(code, list, negated);
  return { condition: new IpCondition(question, source, wantsIp), size: sizeOf(list) };
}

/** Compiles an AS number in decimal digits; `''` matches addresses of which none is known. */
export function asnCondition(number: string, source: boolean, wantsIp: boolean, geo: GeoSource): Condition {
  const look = (ip: string) => unlessMissing(() => geo.asnOf(ip), UNKNOWN_ASN);
  const ofSubject = (subject: RuleSubject, from: boolean): boolean => {
    const known = from ? subject.sourceIpAsn : subject.destinationIpAsn;
    if (known !== '') return known.startsWith(number) && known.charCodeAt(number.length) === 32;
    const found = look(ipOf(subject, from));
    if (found.number !== '') {
      const text = `${found.number} ${found.organization}`;
      if (from) subject.sourceIpAsn = text;
      else subject.destinationIpAsn = text;
    }
    return found.number === number;
  };
  return new IpCondition({ ofSubject, ofIp: (ip) => look(ip).number === number }, source, wantsIp);
}

function countryQuestion(code: string, geo: GeoSource): IpQuestion {
  const look = (ip: string) => unlessMissing(() => geo.countriesOf(ip), NO_CODES);
  return {
    ofSubject(subject, source) {
      let codes = source ? subject.sourceGeoIp : subject.destinationGeoIp;
      if (codes === null) {
        codes = look(ipOf(subject, source));
        if (source) subject.sourceGeoIp = codes;
        else subject.destinationGeoIp = codes;
      }
      return codes.includes(code);
    },
    ofIp: (ip) => look(ip).includes(code),
  };
}

function listQuestion(code: string, list: IpList, negated: boolean): IpQuestion {
  const ofIp = (ip: string): boolean => unlessMissing(() => list.matches(ip) !== negated, false);
  return {
    ofSubject(subject, source) {
      if (!ofIp(ipOf(subject, source))) return false;
      const codes = (source ? subject.sourceGeoIp : subject.destinationGeoIp) ?? NO_CODES;
      const all = codes.includes(code) ? codes : [...codes, code];
      if (source) subject.sourceGeoIp = all;
      else subject.destinationGeoIp = all;
      return true;
    },
    ofIp,
  };
}

function ipOf(subject: RuleSubject, source: boolean): string {
  return source ? subject.sourceIp : subject.destinationIp;
}

function sizeOf(list: SiteList | IpList): () => number {
  return () => unlessMissing(() => list.size, 0);
}

function loaded<L>(kind: 'GeoSite' | 'GeoIP', load: () => L): L {
  try {
    return load();
  } catch (error) {
    const text = errorText(error);
    const isWhole = text.startsWith('load ') || text.startsWith("can't ");
    throw ruleError(isWhole ? text : `load ${kind} data error, ${text}`, error);
  }
}
