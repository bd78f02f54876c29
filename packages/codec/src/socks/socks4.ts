import type { Endpoint } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { domainText, type Parsed } from './address.ts';
import { encodeIp, parseIp } from './ip-bytes.ts';

/** SOCKS4 and 4a numbers ("SOCKS: A protocol for TCP proxy across firewalls", "SOCKS 4A"). */
export const SOCKS4_VERSION = 4;
export const SOCKS4_CONNECT = 1;
export const SOCKS4_GRANTED = 90;
export const SOCKS4_USER_REJECTED = 93;

const FIXED_BYTES = 8;
const TEXT_LIMIT_BYTES = 255;

/** The most a SOCKS4a request may take: fixed part, user-id and domain with their ends. */
export const SOCKS4_MESSAGE_LIMIT_BYTES = FIXED_BYTES + 2 * (TEXT_LIMIT_BYTES + 1);

export type Socks4Request = {
  readonly command: number;
  readonly target: Endpoint;
  readonly userId: string;
};

/**
 * `VN(4) CD(1) DSTPORT(2) DSTIP(4) USERID NUL`, and for a destination in 0.0.0.0/24 a `DOMAIN NUL`; `undefined` while incomplete.
 * @throws ProtocolError `socks-version`, `socks-text-too-long`, `socks-domain`
 */
export function parseSocks4Request(bytes: Uint8Array): Parsed<Socks4Request> | undefined {
  if (bytes[0] !== undefined && bytes[0] !== SOCKS4_VERSION) throw new ProtocolError('socks-version', 0);
  if (bytes.length < FIXED_BYTES) return undefined;
  const userEnd = endOfText(bytes, FIXED_BYTES);
  if (userEnd === undefined) return undefined;
  const userId = Buffer.from(bytes.subarray(FIXED_BYTES, userEnd)).toString('utf8');
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  const command = bytes[1] ?? 0;
  const named = bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0;
  if (!named)
    return {
      value: { command, target: { host: parseIp(bytes.subarray(4, 8)), port }, userId },
      sizeBytes: userEnd + 1,
    };
  const domainEnd = endOfText(bytes, userEnd + 1);
  if (domainEnd === undefined) return undefined;
  const host = domainText(bytes.subarray(userEnd + 1, domainEnd), userEnd + 1);
  return { value: { command, target: { host, port }, userId }, sizeBytes: domainEnd + 1 };
}

function endOfText(bytes: Uint8Array, from: number): number | undefined {
  const end = bytes.indexOf(0, from);
  const length = (end < 0 ? bytes.length : end) - from;
  if (length > TEXT_LIMIT_BYTES) throw new ProtocolError('socks-text-too-long', from);
  return end < 0 ? undefined : end;
}

/**
 * A client's request: an IPv4 literal goes as SOCKS4, anything else as 4a.
 * @throws ProtocolError `socks-text-too-long`
 */
export function encodeSocks4Request(request: Socks4Request): Buffer {
  const ip = encodeIp(request.target.host);
  const domain = ip?.length === 4 ? undefined : Buffer.from(request.target.host, 'utf8');
  const userId = Buffer.from(request.userId, 'utf8');
  if (userId.length > TEXT_LIMIT_BYTES || (domain?.length ?? 0) > TEXT_LIMIT_BYTES)
    throw new ProtocolError('socks-text-too-long', 0);
  const head = Buffer.of(
    SOCKS4_VERSION,
    request.command,
    request.target.port >> 8,
    request.target.port & 0xff,
  );
  const end = Buffer.of(0);
  if (domain === undefined) return Buffer.concat([head, ip ?? Buffer.alloc(4), userId, end]);
  return Buffer.concat([head, Buffer.of(0, 0, 0, 1), userId, end, domain, end]);
}

/** `VN(0) CD DSTPORT DSTIP`: the verdict, echoing port and address (a 4a domain as 0.0.0.1). */
export function encodeSocks4Reply(code: number, target: Endpoint): Buffer {
  const ip = encodeIp(target.host);
  const address = ip?.length === 4 ? ip : Buffer.of(0, 0, 0, 1);
  return Buffer.concat([Buffer.of(0, code, target.port >> 8, target.port & 0xff), address]);
}

/** The reply's code. @throws ProtocolError `socks-version` */
export function parseSocks4Reply(bytes: Uint8Array): Parsed<number> | undefined {
  if (bytes[0] !== undefined && bytes[0] !== 0) throw new ProtocolError('socks-version', 0);
  const code = bytes[1];
  return bytes.length < FIXED_BYTES || code === undefined
    ? undefined
    : { value: code, sizeBytes: FIXED_BYTES };
}
