import { ByteWriter } from '@sluice/base/bytes';
import type { GeoIpList, GeoNetwork } from './geo-ip.ts';
import { LENGTH_DELIMITED, VARINT } from './wire.ts';

export type SiteDomainValue = {
  readonly type: number;
  readonly value: string;
  readonly attributes?: readonly string[];
};

/** A `GeoSiteList` with the lists, by code as it is to be written (upper case by custom). */
export function encodeGeoSiteList(lists: Readonly<Record<string, readonly SiteDomainValue[]>>): Buffer {
  const file = new ByteWriter();
  for (const [code, domains] of Object.entries(lists)) {
    const entry = new ByteWriter();
    writeBytes(entry, 1, Buffer.from(code, 'utf8'));
    for (const domain of domains) writeBytes(entry, 2, encodeDomain(domain));
    writeBytes(file, 1, entry.finish());
  }
  return file.finish();
}

/** A `GeoIPList` with the lists by code. */
export function encodeGeoIpList(lists: Readonly<Record<string, GeoIpList>>): Buffer {
  const file = new ByteWriter();
  for (const [code, { networks, reverse }] of Object.entries(lists)) {
    const entry = new ByteWriter();
    writeBytes(entry, 1, Buffer.from(code, 'utf8'));
    for (const network of networks) writeBytes(entry, 2, encodeNetwork(network));
    if (reverse) writeNumber(entry, 3, 1);
    writeBytes(file, 1, entry.finish());
  }
  return file.finish();
}

function encodeDomain({ type, value, attributes = [] }: SiteDomainValue): Buffer {
  const writer = new ByteWriter(64);
  if (type !== 0) writeNumber(writer, 1, type);
  writeBytes(writer, 2, Buffer.from(value, 'utf8'));
  for (const key of attributes) {
    const attribute = new ByteWriter(32);
    writeBytes(attribute, 1, Buffer.from(key, 'utf8'));
    writeNumber(attribute, 2, 1);
    writeBytes(writer, 3, attribute.finish());
  }
  return writer.finish();
}

function encodeNetwork({ address, prefixLength }: GeoNetwork): Buffer {
  const ip = new ByteWriter(16);
  for (const word of address.family === 4 ? [address.value] : address.words) ip.u32(word);
  const writer = new ByteWriter(32);
  writeBytes(writer, 1, ip.finish());
  if (prefixLength !== 0) writeNumber(writer, 2, prefixLength);
  return writer.finish();
}

function writeBytes(writer: ByteWriter, field: number, bytes: Uint8Array): void {
  writeVarint(writer, field * 8 + LENGTH_DELIMITED);
  writeVarint(writer, bytes.length);
  writer.bytes(bytes);
}

function writeNumber(writer: ByteWriter, field: number, value: number): void {
  writeVarint(writer, field * 8 + VARINT);
  writeVarint(writer, value);
}

function writeVarint(writer: ByteWriter, value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) writer.u8((rest & 0x7f) | 0x80);
  writer.u8(rest);
}
