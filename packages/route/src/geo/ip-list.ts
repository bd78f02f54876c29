import { IpSetBuilder } from '@sluice/base/ip-set-builder';
import { parseGeoIp } from '@sluice/codec/geo-dat/geo-ip';
import type { IpList } from './geo-source.ts';

/** Compiles a `GeoIP` message. @throws ProtocolError for a broken one */
export function compileIpList(bytes: Uint8Array): IpList {
  const { networks, reverse } = parseGeoIp(bytes);
  const builder = new IpSetBuilder();
  for (const network of networks) builder.addCidr(network);
  const set = builder.build();
  return { size: networks.length, matches: (ip) => set.has(ip) !== reverse };
}
