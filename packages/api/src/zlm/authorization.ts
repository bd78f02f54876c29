import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { unmapIp } from '@sluice/base/address';
import { secretMatches } from '@sluice/core/http/secret';
import { CODE_UNAUTHORIZED, type Envelope } from './envelope.ts';
import type { Parameters } from './parameters.ts';

const COOKIE_LIFE_MS = 60_000;

/** A refusal, with the cookie that a later login would need. */
export type Refusal = { readonly envelope: Envelope; readonly setCookie: string | undefined };

/** Checks the caller's address, then `secret`; undefined when the call may go on. */
export function refuseCall(
  request: IncomingMessage,
  parameters: Parameters,
  config: ReadonlyMap<string, string>,
  nowMs: number,
): Refusal | undefined {
  if (!isAllowedPeer(request, config)) {
    const msg = 'Your ip is not allowed to access the service.';
    return { envelope: { code: CODE_UNAUTHORIZED, msg }, setCookie: undefined };
  }
  const expected = config.get('api.secret') ?? '';
  if (expected !== '' && secretMatches(parameters.get('secret'), expected)) return undefined;
  const known = /(?:^|;\s*)ZLM_UNLOGIN=([0-9a-f]{32})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1];
  const cookie = known ?? randomBytes(16).toString('hex');
  const expires = new Date(nowMs + COOKIE_LIFE_MS).toUTCString();
  return {
    envelope: { code: CODE_UNAUTHORIZED, cookie, msg: 'Please login first' },
    setCookie: known === undefined ? `ZLM_UNLOGIN=${cookie};expires=${expires};path=/` : undefined,
  };
}

function isAllowedPeer(request: IncomingMessage, config: ReadonlyMap<string, string>): boolean {
  const ranges = (config.get('http.allow_ip_range') ?? '').split(',').map((range) => range.trim());
  const entries = ranges.filter((range) => range !== '');
  if (entries.length === 0) return true;
  const allowed = new BlockList();
  for (const entry of entries) addRange(allowed, entry);
  const peer = peerIp(request, config.get('http.forwarded_ip_header') ?? '');
  return isIP(peer) !== 0 && allowed.check(peer, familyOf(peer));
}

function addRange(list: BlockList, entry: string): void {
  const [first = '', last = first] = entry.split('-').map((ip) => unmapIp(ip.trim()));
  // An entry that is no address allows nobody, which is the safe reading.
  if (isIP(first) === 0 || isIP(first) !== isIP(last)) return;
  try {
    list.addRange(first, last, familyOf(first));
  } catch (error) {
    // A range whose end lies before its start is empty.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_VALUE') throw error;
  }
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return isIP(ip) === 6 ? 'ipv6' : 'ipv4';
}

function peerIp(request: IncomingMessage, forwardedHeader: string): string {
  const forwarded = forwardedHeader === '' ? undefined : request.headers[forwardedHeader.toLowerCase()];
  const text = typeof forwarded === 'string' ? forwarded : (request.socket.remoteAddress ?? '');
  return unmapIp(text.trim());
}
