import { createHash, timingSafeEqual } from 'node:crypto';

/** Compares two texts without telling through time where, or by how much in length, they differ. */
export function secretMatches(given: string, expected: string): boolean {
  return timingSafeEqual(
    createHash('sha256').update(given).digest(),
    createHash('sha256').update(expected).digest(),
  );
}

/** The credentials of `Authorization: Bearer <credentials>`: everything after the first space, scheme in exact case. */
export function bearerCredentials(authorization: string | undefined): string | undefined {
  const space = authorization?.indexOf(' ') ?? -1;
  return authorization !== undefined && authorization.slice(0, space) === 'Bearer' && space > 0
    ? authorization.slice(space + 1)
    : undefined;
}
