import { ByteWriter } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { formatIp } from '@sluice/base/ip';

/*
 * op(1) | htype(1) | hlen(1) | hops(1) | xid(4) | secs(2) | flags(2) | ciaddr(4) | yiaddr(4) | siaddr(4) | giaddr(4)
 * | chaddr(16) | sname(64) | file(128) | cookie(4) | options: code(1) | length(1) | data        (RFC 2131 §2, RFC 2132)
 */
const OPTIONS_OFFSET = 240;
const COOKIE = 0x63825363;
const BOOT_REQUEST = 1;
const BOOT_REPLY = 2;
const ETHERNET = 1;
const OPTION_PAD = 0;
const OPTION_DNS_SERVERS = 6;
const OPTION_MESSAGE_TYPE = 53;
const OPTION_PARAMETERS = 55;
const OPTION_END = 255;
const MESSAGE_ACK = 5;
const MESSAGE_INFORM = 8;

/** A DHCPINFORM: a host that has its address (`address`, an unsigned 32-bit number) asks for the DNS servers (RFC 2131 §3.4). */
export function encodeInform(transactionId: number, address: number, mac: Uint8Array): Uint8Array {
  const writer = new ByteWriter(OPTIONS_OFFSET + 16);
  writer.u8(BOOT_REQUEST).u8(ETHERNET).u8(mac.length).u8(0).u32(transactionId).u32(0).u32(address);
  writer.bytes(new Uint8Array(12));
  const hardware = new Uint8Array(16);
  hardware.set(mac.subarray(0, 16));
  writer.bytes(hardware).bytes(new Uint8Array(192)).u32(COOKIE);
  writer.u8(OPTION_MESSAGE_TYPE).u8(1).u8(MESSAGE_INFORM);
  writer.u8(OPTION_PARAMETERS).u8(1).u8(OPTION_DNS_SERVERS);
  return writer.u8(OPTION_END).finish();
}

/**
 * The DNS servers of a DHCPACK; `undefined` for messages that are something else or belong to another transaction.
 * @throws ProtocolError `truncated`
 */
export function parseInformReply(bytes: Uint8Array, transactionId: number): readonly string[] | undefined {
  if (bytes.length < OPTIONS_OFFSET) throw new ProtocolError('truncated', bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] !== BOOT_REPLY || view.getUint32(4) !== transactionId || view.getUint32(236) !== COOKIE)
    return undefined;
  let type = 0;
  const servers: string[] = [];
  for (let at = OPTIONS_OFFSET; at < bytes.length && bytes[at] !== OPTION_END; ) {
    const code = bytes[at++];
    if (code === OPTION_PAD) continue;
    const length = bytes[at++];
    if (length === undefined || at + length > bytes.length) throw new ProtocolError('truncated', at);
    if (code === OPTION_MESSAGE_TYPE) type = bytes[at] ?? 0;
    for (let server = at; code === OPTION_DNS_SERVERS && server + 4 <= at + length; server += 4)
      servers.push(formatIp({ family: 4, value: view.getUint32(server) }));
    at += length;
  }
  return type === MESSAGE_ACK ? servers : undefined;
}
