import type { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { formatIp } from '@sluice/base/ip';
import { readName } from './name.ts';
import { escapeBytes, presentServiceParameters } from './service-parameters.ts';
import { typeName } from './types.ts';

/** How the fields of record data are written; each takes its bytes from the reader. */
export const FIELD_FORMATS = {
  u8: (reader: ByteReader) => String(reader.u8()),
  u16: (reader: ByteReader) => String(reader.u16()),
  u32: (reader: ByteReader) => String(reader.u32()),
  type: (reader: ByteReader) => typeName(reader.u16()),
  time: (reader: ByteReader) => presentTime(reader.u32()),
  ip4: (reader: ByteReader) => formatIp({ family: 4, value: reader.u32() }),
  ip6: (reader: ByteReader) =>
    formatIp({ family: 6, words: [reader.u32(), reader.u32(), reader.u32(), reader.u32()] }),
  name: presentName,
  string: (reader: ByteReader) => quoted(reader.view(reader.u8())),
  strings: presentStrings,
  tag: (reader: ByteReader) => Buffer.from(reader.view(reader.u8())).toString('latin1'),
  quotedRest: (reader: ByteReader) => quoted(reader.view(reader.remaining)),
  hexRest: (reader: ByteReader) => hexOf(reader.view(reader.remaining)).toUpperCase(),
  base64Rest: (reader: ByteReader) => Buffer.from(reader.view(reader.remaining)).toString('base64'),
  salt: (reader: ByteReader) => hexOf(reader.view(reader.u8())).toUpperCase() || '-',
  nextHash: (reader: ByteReader) => base32Hex(reader.view(reader.u8())),
  types: presentTypes,
  eui48: (reader: ByteReader) => hexOf(reader.view(6), '-'),
  eui64: (reader: ByteReader) => hexOf(reader.view(8), '-'),
  locator: (reader: ByteReader) => (hexOf(reader.view(8)).match(/.{4}/g) ?? []).join(':'),
  parameters: presentServiceParameters,
} as const satisfies Readonly<Record<string, (reader: ByteReader) => string>>;

type Field = keyof typeof FIELD_FORMATS;

/** The fields of the record types that are shown in a form of their own. */
export const LAYOUTS: ReadonlyMap<number, readonly Field[]> = new Map<number, readonly Field[]>([
  [1, ['ip4']], // A
  [2, ['name']], // NS
  [3, ['name']], // MD
  [4, ['name']], // MF
  [5, ['name']], // CNAME
  [6, ['name', 'name', 'u32', 'u32', 'u32', 'u32', 'u32']], // SOA
  [7, ['name']], // MB
  [8, ['name']], // MG
  [9, ['name']], // MR
  [12, ['name']], // PTR
  [13, ['string', 'string']], // HINFO
  [14, ['name', 'name']], // MINFO
  [15, ['u16', 'name']], // MX
  [16, ['strings']], // TXT
  [17, ['name', 'name']], // RP
  [18, ['u16', 'name']], // AFSDB
  [19, ['string']], // X25
  [20, ['strings']], // ISDN
  [21, ['u16', 'name']], // RT
  [23, ['name']], // NSAP-PTR
  [24, ['type', 'u8', 'u8', 'u32', 'time', 'time', 'u16', 'name', 'base64Rest']], // SIG
  [25, ['u16', 'u8', 'u8', 'base64Rest']], // KEY
  [26, ['u16', 'name', 'name']], // PX
  [27, ['string', 'string', 'string']], // GPOS
  [28, ['ip6']], // AAAA
  [33, ['u16', 'u16', 'u16', 'name']], // SRV
  [35, ['u16', 'u16', 'string', 'string', 'string', 'name']], // NAPTR
  [36, ['u16', 'name']], // KX
  [37, ['u16', 'u16', 'u8', 'base64Rest']], // CERT
  [39, ['name']], // DNAME
  [43, ['u16', 'u8', 'u8', 'hexRest']], // DS
  [44, ['u8', 'u8', 'hexRest']], // SSHFP
  [46, ['type', 'u8', 'u8', 'u32', 'time', 'time', 'u16', 'name', 'base64Rest']], // RRSIG
  [47, ['name', 'types']], // NSEC
  [48, ['u16', 'u8', 'u8', 'base64Rest']], // DNSKEY
  [49, ['base64Rest']], // DHCID
  [50, ['u8', 'u8', 'u16', 'salt', 'nextHash', 'types']], // NSEC3
  [51, ['u8', 'u8', 'u16', 'salt']], // NSEC3PARAM
  [52, ['u8', 'u8', 'u8', 'hexRest']], // TLSA
  [53, ['u8', 'u8', 'u8', 'hexRest']], // SMIMEA
  [56, ['strings']], // NINFO
  [58, ['name', 'name']], // TALINK
  [59, ['u16', 'u8', 'u8', 'hexRest']], // CDS
  [60, ['u16', 'u8', 'u8', 'base64Rest']], // CDNSKEY
  [61, ['base64Rest']], // OPENPGPKEY
  [62, ['u32', 'u16', 'types']], // CSYNC
  [63, ['u32', 'u8', 'u8', 'hexRest']], // ZONEMD
  [64, ['u16', 'name', 'parameters']], // SVCB
  [65, ['u16', 'name', 'parameters']], // HTTPS
  [99, ['strings']], // SPF
  [104, ['u16', 'locator']], // NID
  [105, ['u16', 'ip4']], // L32
  [106, ['u16', 'locator']], // L64
  [107, ['u16', 'name']], // LP
  [108, ['eui48']], // EUI48
  [109, ['eui64']], // EUI64
  [256, ['u16', 'u16', 'quotedRest']], // URI
  [257, ['u8', 'tag', 'quotedRest']], // CAA
  [258, ['strings']], // AVC
  [261, ['strings']], // RESINFO
  [262, ['strings']], // WALLET
  [32_768, ['u16', 'u8', 'u8', 'hexRest']], // TA
  [32_769, ['u16', 'u8', 'u8', 'hexRest']], // DLV
]);

function presentName(reader: ByteReader): string {
  const { text, end } = readName(reader.bytes, reader.offset, false);
  reader.skip(end - reader.offset);
  return `${text}.`;
}

function presentStrings(reader: ByteReader): string {
  const strings: string[] = [];
  while (reader.remaining > 0) strings.push(quoted(reader.view(reader.u8())));
  return strings.join(' ');
}

function quoted(bytes: Uint8Array): string {
  return `"${escapeBytes(bytes)}"`;
}

/** RFC 4034 §4.1.2: blocks of window number(1) | length(1) = 1..32 | bits. */
function presentTypes(reader: ByteReader): string {
  const types: string[] = [];
  while (reader.remaining > 0) {
    const window = reader.u8();
    const bits = reader.view(reader.u8());
    if (bits.length > 32) throw new ProtocolError('bad-type-bits', reader.offset);
    for (const [index, byte] of bits.entries()) {
      for (let bit = 0; bit < 8; bit++) {
        if ((byte & (0x80 >>> bit)) !== 0) types.push(typeName(window * 256 + index * 8 + bit));
      }
    }
  }
  return types.join(' ');
}

/** YYYYMMDDHHmmSS in UTC (RFC 4034 §3.2). */
function presentTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$|[-:T]/g, '');
}

function hexOf(bytes: Uint8Array, separator = ''): string {
  const hex = Buffer.from(bytes).toString('hex');
  return separator === '' ? hex : (hex.match(/../g) ?? []).join(separator);
}

/** RFC 4648 §7 without padding. */
function base32Hex(bytes: Uint8Array): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUV';
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += digits[(value >>> (bits - 5)) & 31];
  }
  return bits > 0 ? text + digits[(value << (5 - bits)) & 31] : text;
}
