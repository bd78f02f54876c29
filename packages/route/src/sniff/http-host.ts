import { isIP } from 'node:net';
import { unmapIp } from '@sluice/base/address';

const METHODS: ReadonlySet<string> = new Set([
  'get',
  'post',
  'head',
  'put',
  'delete',
  'options',
  'connect',
  'patch',
  'trace',
]);
const LONGEST_METHOD = 7;

/** True when bytes can be the start of an HTTP/1 request; while the method is not complete, when one begins like that. */
export function looksLikeHttp(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, LONGEST_METHOD + 1))
    .toString('latin1')
    .toLowerCase();
  const space = head.indexOf(' ');
  if (space >= 0) return METHODS.has(head.slice(0, space));
  return [...METHODS].some((method) => head !== '' && method.startsWith(head));
}

/**
 * The name in the first `Host` field of an HTTP/1 request (RFC 9112 §3.2) in lower case, without port. `undefined` when the
 * bytes hold none, or an address; the head need not be complete.
 */
export function httpHost(bytes: Uint8Array): string | undefined {
  if (!looksLikeHttp(bytes)) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const [head = ''] = text.split(/\r?\n\r?\n/, 1);
  const lines = head.split(/\r?\n/);
  // A line without an end may have more to come; the blank line behind the head ends its last one.
  if (head.length === text.length) lines.pop();
  const field = lines.slice(1).find((line) => /^host[ \t]*:/i.test(line));
  const value = field?.slice(field.indexOf(':') + 1).trim();
  return value === undefined ? undefined : nameOf(value);
}

function nameOf(value: string): string | undefined {
  const [, name = ''] = /^([^:[\]\s]+)(?::\d*)?$/.exec(value) ?? [];
  return name === '' || isIP(unmapIp(name)) !== 0 ? undefined : name.toLowerCase();
}
