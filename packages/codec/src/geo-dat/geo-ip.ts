import { ProtocolError } from '@sluice/base/errors';
import type { IpAddress, Ipv6Words } from '@sluice/base/ip';
import { FieldReader, LENGTH_DELIMITED, VARINT } from './wire.ts';

export type GeoNetwork = { readonly address: IpAddress; readonly prefixLength: number };

/** The networks of a code; `reverse` says that the list means all other addresses. */
export type GeoIpList = { readonly networks: readonly GeoNetwork[]; readonly reverse: boolean };

const MAX_NETWORKS = 2 ** 20;

/**
 * Reads a `GeoIP` message: `CIDR { bytes ip = 1; uint32 prefix = 2 }` in field 2, `reverse_match` in field 3.
 * @throws ProtocolError `dat-network` (an address of neither 4 nor 16 bytes, a prefix longer than it), `dat-too-large`,
 * `dat-field`, `truncated`
 */
export function parseGeoIp(bytes: Uint8Array, from = 0, to = bytes.length): GeoIpList {
  const reader = new FieldReader(bytes, from, to);
  const networks: GeoNetwork[] = [];
  let reverse = false;
  while (reader.next()) {
    if (reader.field === 2 && reader.wireType === LENGTH_DELIMITED) {
      if (networks.length === MAX_NETWORKS) throw new ProtocolError('dat-too-large', reader.start);
      networks.push(readNetwork(bytes, reader.start, reader.end));
    } else if (reader.field === 3 && reader.wireType === VARINT) reverse = reader.value !== 0;
  }
  return { networks, reverse };
}

function readNetwork(bytes: Uint8Array, from: number, to: number): GeoNetwork {
  const fields = new FieldReader(bytes, from, to);
  let address: IpAddress | undefined;
  let prefixLength = 0;
  while (fields.next()) {
    if (fields.field === 1 && fields.wireType === LENGTH_DELIMITED)
      address = readAddress(bytes, fields.start, fields.end);
    else if (fields.field === 2 && fields.wireType === VARINT) prefixLength = fields.value;
  }
  if (address === undefined || prefixLength > (address.family === 4 ? 32 : 128))
    throw new ProtocolError('dat-network', from);
  return { address, prefixLength };
}

function readAddress(bytes: Uint8Array, start: number, end: number): IpAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  if (view.byteLength === 4) return { family: 4, value: view.getUint32(0) };
  if (view.byteLength !== 16) throw new ProtocolError('dat-network', start);
  const words: Ipv6Words = [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
  return { family: 6, words };
}
