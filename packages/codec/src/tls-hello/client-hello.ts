import { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';

/** What a TLS ClientHello offers, as far as a relay needs to know. */
export type ClientHello = {
  /** Server name in lower case, as sent; `undefined` without one. */
  readonly sni: string | undefined;
  readonly alpn: readonly string[];
  /** Offered versions without GREASE, for example 0x0303 (1.2) and 0x0304 (1.3). */
  readonly versions: readonly number[];
  /** True when an encrypted ClientHello is present, so that `sni` may be an outer name. */
  readonly ech: boolean;
};

/** Most bytes of records that are read in search of a complete ClientHello. */
export const MAX_CLIENT_HELLO_BYTES = 65_536;

/*
 * record    = type(1) = 22 | version(2) | length(2) | fragment            (RFC 8446 §5.1)
 * handshake = type(1) = 1  | length(3)  | body                            (RFC 8446 §4)
 * body      = version(2) | random(32) | session id<0..32> | cipher suites<2..2^16-2> | compression<1..2^8-1>
 *             | extensions<0..2^16-1>: type(2) | length(2) | data         (RFC 8446 §4.1.2)
 */
const RECORD_HANDSHAKE = 22;
const RECORD_HEADER_BYTES = 5;
const MAX_FRAGMENT_BYTES = 16_384;
const HANDSHAKE_CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const EXTENSION_SUPPORTED_VERSIONS = 43;
const EXTENSION_ECH = 0xfe0d;

/** True when bytes can be the start of a TLS connection; one byte is enough to say no. */
export function looksLikeTls(bytes: Uint8Array): boolean {
  if (bytes[0] !== RECORD_HANDSHAKE) return false;
  return bytes.length < 2 || (bytes[1] === 3 && (bytes.length < 3 || (bytes[2] as number) <= 4));
}

/**
 * Reads the ClientHello at the start of a TLS byte stream, over as many records as it takes; `undefined` when more bytes
 * are needed.
 * @throws ProtocolError `not-handshake`, `bad-record`, `not-client-hello`, `hello-too-large`, `truncated`, `bad-vector`
 */
export function parseClientHello(bytes: Uint8Array): ClientHello | undefined {
  const message = collectMessage(bytes);
  return message === undefined ? undefined : parseBody(message);
}

/**
 * Reads a ClientHello that stands alone, without records, as QUIC carries it (RFC 9001 §4.1.3); `undefined` when more bytes
 * are needed.
 * @throws ProtocolError `not-client-hello`, `hello-too-large`, `truncated`, `bad-vector`
 */
export function parseHandshake(bytes: Uint8Array): ClientHello | undefined {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE_CLIENT_HELLO) throw new ProtocolError('not-client-hello', 0);
  if (bytes.length < 4) return undefined;
  const end = messageLength([bytes.subarray(0, 4)], 0);
  return bytes.length < end ? undefined : parseBody(bytes.subarray(4, end));
}

/**
 * How many bytes of a TLS stream there have to be before reading its ClientHello again can come to more: the end of the
 * record that the given bytes stop in.
 */
export function clientHelloWants(bytes: Uint8Array): number {
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= bytes.length) {
    at += RECORD_HEADER_BYTES + (((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number));
  }
  return at > bytes.length ? at : at + RECORD_HEADER_BYTES;
}

/** The handshake message without its header, or `undefined` when it is not complete. */
function collectMessage(bytes: Uint8Array): Uint8Array | undefined {
  const fragments: Uint8Array[] = [];
  let collected = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let at = 0;
  while (collected < wanted) {
    if (!looksLikeTls(bytes.subarray(at)) && at < bytes.length) throw new ProtocolError('not-handshake', at);
    if (bytes.length - at < RECORD_HEADER_BYTES) return more(bytes);
    const length = ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
    if (length === 0 || length > MAX_FRAGMENT_BYTES) throw new ProtocolError('bad-record', at + 3);
    at += RECORD_HEADER_BYTES;
    const fragment = bytes.subarray(at, at + length);
    fragments.push(fragment);
    collected += fragment.length;
    if (collected >= 4 && wanted === Number.POSITIVE_INFINITY) wanted = messageLength(fragments, at);
    if (fragment.length < length && collected < wanted) return more(bytes);
    at += length;
  }
  return Buffer.concat(fragments).subarray(4, wanted);
}

function more(bytes: Uint8Array): undefined {
  if (bytes.length >= MAX_CLIENT_HELLO_BYTES) throw new ProtocolError('hello-too-large', bytes.length);
  return undefined;
}

function messageLength(fragments: readonly Uint8Array[], at: number): number {
  const header = Buffer.concat(fragments.slice(0, 4));
  if (header[0] !== HANDSHAKE_CLIENT_HELLO) throw new ProtocolError('not-client-hello', at);
  const length = 4 + header.readUIntBE(1, 3);
  if (length > MAX_CLIENT_HELLO_BYTES) throw new ProtocolError('hello-too-large', at);
  return length;
}

function parseBody(message: Uint8Array): ClientHello {
  const reader = new ByteReader(message);
  const legacyVersion = reader.u16();
  reader.skip(32);
  if (reader.u8() > 32) throw new ProtocolError('bad-vector', 34);
  reader.skip(message[34] as number);
  reader.skip(reader.u16());
  reader.skip(reader.u8());
  let sni: string | undefined;
  let alpn: readonly string[] = [];
  let versions: readonly number[] = [legacyVersion];
  let ech = false;
  if (reader.remaining > 0) {
    const extensions = new ByteReader(reader.view(reader.u16()));
    while (extensions.remaining > 0) {
      const type = extensions.u16();
      const data = new ByteReader(extensions.view(extensions.u16()));
      if (type === EXTENSION_SERVER_NAME) sni = parseServerName(data);
      else if (type === EXTENSION_ALPN) alpn = parseAlpn(data);
      else if (type === EXTENSION_SUPPORTED_VERSIONS) versions = parseVersions(data);
      else if (type === EXTENSION_ECH) ech = true;
    }
  }
  return { sni, alpn, versions, ech };
}

/** RFC 6066 §3; entries other than host names are passed over. */
function parseServerName(data: ByteReader): string | undefined {
  const list = new ByteReader(data.view(data.u16()));
  while (list.remaining > 0) {
    const type = list.u8();
    const name = list.view(list.u16());
    if (type === 0 && name.length > 0) return Buffer.from(name).toString('latin1').toLowerCase();
  }
  return undefined;
}

/** RFC 7301 §3.1, without GREASE (RFC 8701) values. */
function parseAlpn(data: ByteReader): readonly string[] {
  const list = new ByteReader(data.view(data.u16()));
  const protocols: string[] = [];
  while (list.remaining > 0) {
    const protocol = list.view(list.u8());
    const grease =
      protocol.length === 2 && protocol[0] === protocol[1] && ((protocol[0] as number) & 15) === 10;
    if (!grease) protocols.push(Buffer.from(protocol).toString('latin1'));
  }
  return protocols;
}

function parseVersions(data: ByteReader): readonly number[] {
  const list = new ByteReader(data.view(data.u8()));
  const versions: number[] = [];
  while (list.remaining > 0) {
    const version = list.u16();
    if ((version & 0x0f0f) !== 0x0a0a) versions.push(version);
  }
  return versions;
}
