import type { Endpoint } from '@sluice/base/address';
import { parseSocketAddress } from './socket-address.ts';
import {
  IP_ORIGINAL_DESTINATION,
  IP_TOS,
  IPV6_ORIGINAL_DESTINATION,
  IPV6_TRAFFIC_CLASS,
  LEVEL_IP,
  LEVEL_IPV6,
} from './socket-constants.ts';

/** What the kernel says about a datagram besides its bytes and sender. */
export type DatagramControl = {
  /** Where the client sent it, when the socket was told to say so. */
  readonly destination: Endpoint | undefined;
  /** Type of service or traffic class, 0 when unknown. */
  readonly tos: number;
};

/* cmsghdr = length(8, with this header) | level(4) | type(4) | data, the next one at a multiple of 8. */
const HEADER_BYTES = 16;

/** Reads the control messages of one datagram. */
export function parseControl(bytes: Uint8Array): DatagramControl {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let destination: Endpoint | undefined;
  let tos = 0;
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    const level = view.getInt32(at + 8, true);
    const type = view.getInt32(at + 12, true);
    const data = bytes.subarray(at + HEADER_BYTES, at + length);
    if (isOriginalDestination(level, type)) destination = parseSocketAddress(data);
    else if (level === LEVEL_IP && type === IP_TOS) tos = data[0] ?? 0;
    else if (level === LEVEL_IPV6 && type === IPV6_TRAFFIC_CLASS) tos = data[0] ?? 0;
    at += (length + 7) & ~7;
  }
  return { destination, tos };
}

function isOriginalDestination(level: number, type: number): boolean {
  return (
    (level === LEVEL_IP && type === IP_ORIGINAL_DESTINATION) ||
    (level === LEVEL_IPV6 && type === IPV6_ORIGINAL_DESTINATION)
  );
}
