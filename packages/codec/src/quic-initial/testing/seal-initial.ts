import { createCipheriv } from 'node:crypto';
import { clientInitialKeys, headerMask } from '../packet-keys.ts';

/** What a test wants in one Initial packet. */
export type InitialPacket = {
  readonly version?: number;
  readonly connectionId: Uint8Array;
  readonly packetNumber: number;
  /** Plain frames; padded to at least `paddedBytes`. */
  readonly frames: Uint8Array;
  readonly paddedBytes?: number;
};

/** A client's protected Initial packet with a packet number of four bytes (RFC 9001 §5). */
export function sealInitial(packet: InitialPacket): Buffer {
  const { version = 1, connectionId, packetNumber, frames, paddedBytes = 64 } = packet;
  const keys = clientInitialKeys(version, connectionId);
  if (keys === undefined) throw new Error(`no keys for version ${version}`);
  const plain = Buffer.concat([frames, Buffer.alloc(Math.max(0, paddedBytes - frames.length))]);
  const length = 4 + plain.length + 16;
  const header = Buffer.concat([
    Buffer.of(0xc3),
    Buffer.alloc(4),
    Buffer.of(connectionId.length),
    connectionId,
    Buffer.of(0, 0, 0x40 | (length >> 8), length & 0xff),
    Buffer.alloc(4),
  ]);
  header.writeUInt32BE(version, 1);
  header.writeUInt32BE(packetNumber, header.length - 4);
  const nonce = Buffer.from(keys.iv);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ packetNumber) >>> 0, 8);
  const cipher = createCipheriv('aes-128-gcm', keys.key, nonce);
  cipher.setAAD(header);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const mask = headerMask(keys, sealed.subarray(0, 16));
  header[0] = 0xc3 ^ ((mask[0] as number) & 0x0f);
  for (let index = 0; index < 4; index++) {
    const at = header.length - 4 + index;
    header[at] = (header[at] as number) ^ (mask[1 + index] as number);
  }
  return Buffer.concat([header, sealed]);
}

/** A CRYPTO frame (RFC 9000 §19.6). */
export function cryptoFrame(start: number, bytes: Uint8Array): Buffer {
  const head = Buffer.of(
    6,
    0x80,
    0,
    start >> 8,
    start & 0xff,
    0x40 | (bytes.length >> 8),
    bytes.length & 0xff,
  );
  return Buffer.concat([head, bytes]);
}

/** A ClientHello without records, with nothing but a server name and, optionally, filling of some length. */
export function plainHello(serverName: string, fillBytes = 0): Buffer {
  const name = Buffer.from(serverName, 'latin1');
  const u16 = (value: number) => Buffer.of(value >> 8, value & 0xff);
  const list = Buffer.concat([Buffer.of(0), u16(name.length), name]);
  const serverNames = Buffer.concat([u16(0), u16(list.length + 2), u16(list.length), list]);
  const filling = Buffer.concat([u16(21), u16(fillBytes), Buffer.alloc(fillBytes)]);
  const extensions = Buffer.concat([filling, serverNames]);
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 7),
    Buffer.of(0, 0, 2, 0x13, 1, 1, 0),
    u16(extensions.length),
    extensions,
  ]);
  return Buffer.concat([Buffer.of(1, 0), u16(body.length), body]);
}
