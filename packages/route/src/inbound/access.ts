import { timingSafeEqual } from 'node:crypto';
import { PrefixSet } from '../config/prefixes.ts';
import type { InboundUser } from './config/listener-config.ts';

/** Who may use an inbound; replaced whole when settings change. */
export type AccessRules = {
  /** User name → password; empty when no authentication is asked for. */
  readonly users: ReadonlyMap<string, string>;
  readonly lanAllowed: PrefixSet;
  readonly lanDisallowed: PrefixSet;
  readonly skipAuth: PrefixSet;
};

const EVERYBODY = new PrefixSet(['0.0.0.0/0', '::/0']);
const NOBODY = new PrefixSet([]);

/** The rules of an inbound with users of its own: every source may connect, and none is spared. */
export function ownAccess(users: readonly InboundUser[]): AccessRules {
  return {
    users: new Map(users.map(({ username, password }) => [username, password])),
    lanAllowed: EVERYBODY,
    lanDisallowed: NOBODY,
    skipAuth: NOBODY,
  };
}

/** Whether a source may connect at all. */
export function isAdmitted(access: AccessRules, sourceIp: string): boolean {
  return access.lanAllowed.includes(sourceIp) && !access.lanDisallowed.includes(sourceIp);
}

/** Whether a source must show credentials. */
export function needsCredentials(access: AccessRules, sourceIp: string): boolean {
  return access.users.size > 0 && !access.skipAuth.includes(sourceIp);
}

/** Whether a user name and password are right, in time that does not depend on the password. */
export function isUser(access: AccessRules, user: string, password: string): boolean {
  const expected = access.users.get(user);
  if (expected === undefined) return false;
  const given = Buffer.from(password, 'utf8');
  const wanted = Buffer.from(expected, 'utf8');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
