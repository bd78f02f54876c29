import { formatIp, type IpAddress, parseIp } from '@sluice/base/ip';
import { u16At } from './header.ts';

/** The network an answer is meant for (RFC 7871), `address` with the host bits cleared. */
export type ClientSubnet = { readonly address: string; readonly prefixLength: number };

/** What an OPT record (RFC 6891) says. */
export type Edns = {
  /** Largest UDP message the sender takes, at least 512. */
  readonly udpSize: number;
  readonly dnssecOk: boolean;
  readonly clientSubnet: ClientSubnet | undefined;
};

const OPTION_CLIENT_SUBNET = 8;
const FAMILY_IPV4 = 1;
const FAMILY_IPV6 = 2;
const FLAG_DNSSEC_OK = 0x8000;
const MIN_UDP_SIZE = 512;

/*
 * OPT = 0 (root) | type(2) = 41 | UDP size(2) | extended RCODE(1) | version(1) | flags(2) | length(2)
 *       | options: code(2) | length(2) | data                                              (RFC 6891 §6.1)
 * client subnet = family(2) | source prefix(1) | scope prefix(1) | address, as many bytes as the prefix needs (RFC 7871 §6)
 */

/** Reads an OPT record from its class, the low half of its TTL and its data; options that make no sense are passed over. */
export function parseEdns(udpSize: number, flags: number, options: Uint8Array): Edns {
  let clientSubnet: ClientSubnet | undefined;
  for (let at = 0; at + 4 <= options.length; ) {
    const code = u16At(options, at);
    const length = u16At(options, at + 2);
    at += 4;
    if (code === OPTION_CLIENT_SUBNET) clientSubnet = parseClientSubnet(options.subarray(at, at + length));
    at += length;
  }
  return {
    udpSize: Math.max(MIN_UDP_SIZE, udpSize),
    dnssecOk: (flags & FLAG_DNSSEC_OK) !== 0,
    clientSubnet,
  };
}

function parseClientSubnet(option: Uint8Array): ClientSubnet | undefined {
  const family = u16At(option, 0);
  const prefixLength = option[2] ?? 255;
  const addressBytes = family === FAMILY_IPV4 ? 4 : family === FAMILY_IPV6 ? 16 : 0;
  if (
    addressBytes === 0 ||
    prefixLength > addressBytes * 8 ||
    option.length - 4 < Math.ceil(prefixLength / 8)
  )
    return undefined;
  const full = new Uint8Array(addressBytes);
  full.set(option.subarray(4, 4 + Math.ceil(prefixLength / 8)));
  return { address: formatIp(maskedAddress(full, prefixLength)), prefixLength };
}

function maskedAddress(bytes: Uint8Array, prefixLength: number): IpAddress {
  for (let index = 0; index < bytes.length; index++) {
    const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
    bytes[index] = (bytes[index] as number) & (0xff00 >>> bits);
  }
  const view = new DataView(bytes.buffer);
  return bytes.length === 4
    ? { family: 4, value: view.getUint32(0) }
    : { family: 6, words: [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)] };
}

/** `ip` or `ip/length` (a bare address means /24 for IPv4, /56 for IPv6) with the host bits cleared; `undefined` for anything else. */
export function parseSubnetText(text: string): ClientSubnet | undefined {
  const [ip = '', length, ...more] = text.split('/');
  const address = parseIp(ip);
  if (address === undefined || more.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length)))
    return undefined;
  const addressBits = address.family === 4 ? 32 : 128;
  const prefixLength = length === undefined ? (address.family === 4 ? 24 : 56) : Number(length);
  if (prefixLength > addressBits) return undefined;
  return { address: formatIp(maskedAddress(addressBytesOf(address), prefixLength)), prefixLength };
}

function addressBytesOf(address: IpAddress): Uint8Array {
  const words = address.family === 4 ? [address.value] : address.words;
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word);
  return bytes;
}

/** The four or sixteen bytes of an IP literal, `undefined` when it is none. */
export function addressBytes(ip: string): Uint8Array | undefined {
  const address = parseIp(ip);
  return address === undefined ? undefined : addressBytesOf(address);
}

/** The whole OPT record in wire form. */
export function encodeOpt(edns: Edns): Buffer {
  const subnet = edns.clientSubnet;
  const address = subnet === undefined ? undefined : addressBytes(subnet.address);
  const subnetBytes = address?.subarray(0, Math.ceil((subnet?.prefixLength ?? 0) / 8));
  const optionsLength = subnetBytes === undefined ? 0 : 8 + subnetBytes.length;
  const opt = Buffer.alloc(11 + optionsLength);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(edns.udpSize, 3);
  opt.writeUInt16BE(edns.dnssecOk ? FLAG_DNSSEC_OK : 0, 7);
  opt.writeUInt16BE(optionsLength, 9);
  if (subnetBytes === undefined || subnet === undefined) return opt;
  opt.writeUInt16BE(OPTION_CLIENT_SUBNET, 11);
  opt.writeUInt16BE(4 + subnetBytes.length, 13);
  opt.writeUInt16BE(address?.length === 4 ? FAMILY_IPV4 : FAMILY_IPV6, 15);
  opt[17] = subnet.prefixLength;
  opt.set(subnetBytes, 19);
  return opt;
}
