import { GatewayError } from '@sluice/base/errors';
import type { MediaTuple } from '@sluice/core/ports/media';

export const DEFAULT_VHOST = '__defaultVhost__';
const MAX_NAME_CHARS = 512;
/** What a refusal, and so a reply and a log line, repeats of a name. */
const MAX_SHOWN_CHARS = 100;

/** True for names that are safe to show, to match and to join into a path: no empty segment, `..`, `\` or control character. */
export function isValidName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_NAME_CHARS) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(name)) return false;
  return name.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

/** Builds the name of a stream. @throws GatewayError `media.name` */
export function createTuple(app: string, stream: string, params: string): MediaTuple {
  if (!isValidName(app) || app.includes('/') || !isValidName(stream)) {
    throw new GatewayError(
      'invalid',
      'media.name',
      `not a usable stream name: ${JSON.stringify(`${app}/${stream}`.slice(0, MAX_SHOWN_CHARS))}`,
    );
  }
  return { vhost: DEFAULT_VHOST, app, stream, params };
}

/** The registry key of a tuple; `params` take no part. */
export function tupleKey(tuple: {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
}): string {
  return `${tuple.vhost}/${tuple.app}/${tuple.stream}`;
}
