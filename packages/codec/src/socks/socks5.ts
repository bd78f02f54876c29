import type { Endpoint } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { encodeSocksAddress, type Parsed, parseSocksAddress } from './address.ts';

/** RFC 1928 §3 and RFC 1929 numbers. */
export const SOCKS5_VERSION = 5;
export const METHOD_NONE = 0;
export const METHOD_PASSWORD = 2;
export const METHOD_UNACCEPTABLE = 0xff;

/** RFC 1928 §4 commands. */
export const COMMAND_CONNECT = 1;
export const COMMAND_BIND = 2;
export const COMMAND_UDP_ASSOCIATE = 3;

/** RFC 1928 §6 reply for success; every other value is a failure. */
export const REPLY_SUCCEEDED = 0;

/** The most a SOCKS5 peer may send in one negotiation message: user and password of 255 bytes each. */
export const SOCKS5_MESSAGE_LIMIT_BYTES = 513;

export type Socks5Request = { readonly command: number; readonly target: Endpoint };
export type Socks5Reply = { readonly code: number; readonly bound: Endpoint };
export type Credentials = { readonly user: string; readonly password: string };

/** `VER(5) NMETHODS METHODS`; the offered methods. @throws ProtocolError `socks-version` */
export function parseGreeting(bytes: Uint8Array): Parsed<readonly number[]> | undefined {
  expectVersion(bytes, SOCKS5_VERSION);
  const count = bytes[1];
  if (count === undefined || bytes.length < 2 + count) return undefined;
  return { value: [...bytes.subarray(2, 2 + count)], sizeBytes: 2 + count };
}

/** The client's greeting offering `methods`. */
export function encodeGreeting(methods: readonly number[]): Buffer {
  return Buffer.of(SOCKS5_VERSION, methods.length, ...methods);
}

/** `VER(5) METHOD`; the method the server chose. @throws ProtocolError `socks-version` */
export function parseMethodChoice(bytes: Uint8Array): Parsed<number> | undefined {
  expectVersion(bytes, SOCKS5_VERSION);
  const method = bytes[1];
  return method === undefined ? undefined : { value: method, sizeBytes: 2 };
}

/** The server's answer to a greeting. */
export function encodeMethodChoice(method: number): Buffer {
  return Buffer.of(SOCKS5_VERSION, method);
}

/** `VER(1) ULEN USER PLEN PASSWORD` (RFC 1929 §2). @throws ProtocolError `socks-auth-version` */
export function parseCredentials(bytes: Uint8Array): Parsed<Credentials> | undefined {
  expectAuthVersion(bytes);
  const userBytes = bytes[1];
  if (userBytes === undefined) return undefined;
  const passwordBytes = bytes[2 + userBytes];
  if (passwordBytes === undefined) return undefined;
  const sizeBytes = 3 + userBytes + passwordBytes;
  if (bytes.length < sizeBytes) return undefined;
  const text = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('utf8');
  return { value: { user: text(2, 2 + userBytes), password: text(3 + userBytes, sizeBytes) }, sizeBytes };
}

/** @throws ProtocolError `socks-credentials` when a part is longer than 255 bytes */
export function encodeCredentials(credentials: Credentials): Buffer {
  const user = Buffer.from(credentials.user, 'utf8');
  const password = Buffer.from(credentials.password, 'utf8');
  if (user.length > 255 || password.length > 255) throw new ProtocolError('socks-credentials', 0);
  return Buffer.concat([Buffer.of(1, user.length), user, Buffer.of(password.length), password]);
}

/** `VER(1) STATUS` (RFC 1929 §2); true when the credentials were accepted. @throws ProtocolError `socks-auth-version` */
export function parseCredentialsStatus(bytes: Uint8Array): Parsed<boolean> | undefined {
  expectAuthVersion(bytes);
  const status = bytes[1];
  return status === undefined ? undefined : { value: status === 0, sizeBytes: 2 };
}

/** The server's verdict on credentials. */
export function encodeCredentialsStatus(accepted: boolean): Buffer {
  return Buffer.of(1, accepted ? 0 : 1);
}

/** `VER(5) CMD RSV ATYP ADDR PORT` (RFC 1928 §4). @throws ProtocolError `socks-version`, `socks-address-type`, `socks-domain` */
export function parseRequest(bytes: Uint8Array): Parsed<Socks5Request> | undefined {
  expectVersion(bytes, SOCKS5_VERSION);
  const command = bytes[1];
  const address = bytes.length > 3 ? parseSocksAddress(bytes, 3) : undefined;
  if (command === undefined || address === undefined) return undefined;
  return { value: { command, target: address.value }, sizeBytes: 3 + address.sizeBytes };
}

/** The client's request. */
export function encodeRequest(request: Socks5Request): Buffer {
  return Buffer.concat([Buffer.of(SOCKS5_VERSION, request.command, 0), encodeSocksAddress(request.target)]);
}

/** `VER(5) REP RSV ATYP ADDR PORT` (RFC 1928 §6); the same layout as a request. */
export function parseReply(bytes: Uint8Array): Parsed<Socks5Reply> | undefined {
  const parsed = parseRequest(bytes);
  return (
    parsed && {
      value: { code: parsed.value.command, bound: parsed.value.target },
      sizeBytes: parsed.sizeBytes,
    }
  );
}

/** The server's reply. */
export function encodeReply(reply: Socks5Reply): Buffer {
  return encodeRequest({ command: reply.code, target: reply.bound });
}

function expectVersion(bytes: Uint8Array, version: number): void {
  if (bytes[0] !== undefined && bytes[0] !== version) throw new ProtocolError('socks-version', 0);
}

function expectAuthVersion(bytes: Uint8Array): void {
  if (bytes[0] !== undefined && bytes[0] !== 1) throw new ProtocolError('socks-auth-version', 0);
}
