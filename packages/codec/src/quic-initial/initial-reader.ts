import { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { type ClientHello, parseHandshake } from '../tls-hello/client-hello.ts';
import { CryptoStream } from './crypto-stream.ts';
import { clientInitialKeys, headerMask, type InitialKeys, openPayload } from './packet-keys.ts';

/*
 * Initial = 1|1|00|reserved(2)|packet number length(2) | version(4) | DCID length(1) DCID | SCID length(1) SCID
 *           | token length(i) token | length(i) | packet number(1-4) | payload          (RFC 9000 §17.2.2)
 * The low four bits of the first byte and the packet number are protected           (RFC 9001 §5.4)
 */
const LONG_HEADER_FIXED = 0xc0;
const TYPE_MASK = 0x30;
const MAX_CONNECTION_ID_BYTES = 20;
const SAMPLE_OFFSET_BYTES = 4;
const SAMPLE_BYTES = 16;
const TAG_BYTES = 16;

/** Most datagrams one hello may be spread over. */
const MAX_DATAGRAMS = 10;

const FRAME_PADDING = 0x00;
const FRAME_PING = 0x01;
const FRAME_ACK = 0x02;
const FRAME_ACK_ECN = 0x03;
const FRAME_CRYPTO = 0x06;
const FRAME_CONNECTION_CLOSE = 0x1c;

/** True when a datagram can begin a QUIC connection of a readable version. */
export function looksLikeInitial(datagram: Uint8Array): boolean {
  const first = datagram[0];
  if (first === undefined || datagram.length < 7) return false;
  if ((first & LONG_HEADER_FIXED) !== LONG_HEADER_FIXED || (first & TYPE_MASK) !== 0) return false;
  const version = new DataView(datagram.buffer, datagram.byteOffset).getUint32(1);
  return version === 1 || version === 0xff00_001d;
}

/** Reads the ClientHello out of the first datagrams that a QUIC client sends. */
export class InitialReader {
  readonly #stream = new CryptoStream();
  #keys: InitialKeys | undefined;
  #connectionId: Uint8Array | undefined;
  #datagrams = 0;

  /**
   * Takes one datagram; `undefined` while the hello is not complete. The datagram is not kept.
   * @throws ProtocolError `not-initial`, `wrong-tag`, `quic-frame`, `truncated`, `too-many-datagrams`, those of CryptoStream and of the hello
   */
  push(datagram: Uint8Array): ClientHello | undefined {
    this.#datagrams += 1;
    if (this.#datagrams > MAX_DATAGRAMS) throw new ProtocolError('too-many-datagrams', 0);
    let rest = datagram;
    let packets = 0;
    // What follows an Initial in one datagram may be of another kind and is then of no interest.
    while (looksLikeInitial(rest)) {
      rest = this.#packet(rest);
      packets += 1;
    }
    if (packets === 0) throw new ProtocolError('not-initial', 0);
    return parseHandshake(this.#stream.prefix());
  }

  /** Reads the packet at the front and returns what follows it. */
  #packet(bytes: Uint8Array): Uint8Array {
    const reader = new ByteReader(bytes, 1);
    const version = reader.u32();
    const connectionId = reader.view(connectionIdLength(reader));
    reader.skip(connectionIdLength(reader));
    reader.skip(varint(reader));
    const length = varint(reader);
    const numberAt = reader.offset;
    reader.skip(length);
    if (length < SAMPLE_OFFSET_BYTES + SAMPLE_BYTES) throw new ProtocolError('truncated', numberAt);
    const packet = bytes.subarray(0, reader.offset);
    const plain = this.#open(packet, numberAt, version, connectionId);
    if (plain === undefined) throw new ProtocolError('wrong-tag', numberAt);
    this.#frames(plain);
    return bytes.subarray(reader.offset);
  }

  #open(packet: Uint8Array, numberAt: number, version: number, connectionId: Uint8Array): Buffer | undefined {
    // A server's answer changes the connection id but not the keys; a Retry changes both.
    const known = this.#keys === undefined ? undefined : unprotect(packet, numberAt, this.#keys);
    if (known !== undefined) return known;
    if (this.#connectionId !== undefined && Buffer.compare(this.#connectionId, connectionId) === 0)
      return undefined;
    const keys = clientInitialKeys(version, connectionId);
    const plain = keys === undefined ? undefined : unprotect(packet, numberAt, keys);
    if (plain !== undefined) {
      this.#keys = keys;
      this.#connectionId = Uint8Array.from(connectionId);
    }
    return plain;
  }

  #frames(plain: Uint8Array): void {
    const reader = new ByteReader(plain);
    while (reader.remaining > 0) {
      const type = reader.u8();
      switch (type) {
        case FRAME_PADDING:
        case FRAME_PING:
          break;
        case FRAME_ACK:
        case FRAME_ACK_ECN:
          skipAck(reader, type === FRAME_ACK_ECN);
          break;
        case FRAME_CRYPTO: {
          const start = varint(reader);
          this.#stream.add(start, reader.view(varint(reader)));
          break;
        }
        case FRAME_CONNECTION_CLOSE:
          varint(reader);
          varint(reader);
          reader.skip(varint(reader));
          break;
        default:
          throw new ProtocolError('quic-frame', reader.offset - 1, `frame ${type} in an Initial packet`);
      }
    }
  }
}

function unprotect(packet: Uint8Array, numberAt: number, keys: InitialKeys): Buffer | undefined {
  const sampleAt = numberAt + SAMPLE_OFFSET_BYTES;
  const mask = headerMask(keys, packet.subarray(sampleAt, sampleAt + SAMPLE_BYTES));
  const first = (packet[0] as number) ^ ((mask[0] as number) & 0x0f);
  const numberBytes = (first & 3) + 1;
  const header = Uint8Array.from(packet.subarray(0, numberAt + numberBytes));
  header[0] = first;
  let packetNumber = 0;
  for (let index = 0; index < numberBytes; index++) {
    const byte = (header[numberAt + index] as number) ^ (mask[1 + index] as number);
    header[numberAt + index] = byte;
    packetNumber = ((packetNumber << 8) | byte) >>> 0;
  }
  const sealed = packet.subarray(header.length);
  return sealed.length < TAG_BYTES ? undefined : openPayload(keys, packetNumber, header, sealed);
}

/** RFC 9000 §19.3; the count of ranges is bounded by the bytes there are. */
function skipAck(reader: ByteReader, ecn: boolean): void {
  varint(reader);
  varint(reader);
  const ranges = varint(reader);
  for (let skipped = 0; skipped < 1 + 2 * ranges; skipped++) varint(reader);
  for (let skipped = 0; ecn && skipped < 3; skipped++) varint(reader);
}

function connectionIdLength(reader: ByteReader): number {
  const length = reader.u8();
  if (length > MAX_CONNECTION_ID_BYTES) throw new ProtocolError('not-initial', reader.offset - 1);
  return length;
}

/** RFC 9000 §16. */
function varint(reader: ByteReader): number {
  const first = reader.u8();
  const length = 1 << (first >> 6);
  let value = first & 0x3f;
  for (let index = 1; index < length; index++) value = value * 256 + reader.u8();
  return value;
}
