import { unmapIp } from '@sluice/base/address';
import { parseCidr } from '@sluice/base/ip';
import { IpSetBuilder } from '@sluice/base/ip-set-builder';

/** RFC 1918, RFC 4193, unspecified, loopback, multicast and link-local unicast. */
const LAN_PREFIXES = [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '0.0.0.0/32', '127.0.0.0/8', '224.0.0.0/4'],
  ...['169.254.0.0/16', 'fc00::/7', '::/128', '::1/128', 'ff00::/8', 'fe80::/10'],
];

const builder = new IpSetBuilder();
for (const text of LAN_PREFIXES) {
  const cidr = parseCidr(text);
  if (cidr !== undefined) builder.addCidr(cidr);
}
const lan = builder.build();

/** Whether an IP literal is in the set that `GEOIP,lan` means; `fakeIpBroadcast` is `''` without a fake-ip range. */
export function isLanIp(ip: string, fakeIpBroadcast: string): boolean {
  const plain = unmapIp(ip);
  return lan.has(plain) || (fakeIpBroadcast !== '' && plain === fakeIpBroadcast);
}
