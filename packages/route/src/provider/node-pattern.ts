import { errorText, GatewayError } from '@sluice/base/errors';

const MAX_LENGTH = 4096;

/**
 * A regular expression over node names, with look-around; `(?i)` in front makes it ignore case.
 * @throws GatewayError `route.pattern`
 */
export function compileNodePattern(source: string, flags = ''): RegExp {
  if (source.length > MAX_LENGTH) throw invalid(`regular expression longer than ${MAX_LENGTH} characters`);
  const ignoresCase = source.startsWith('(?i)');
  const text = (ignoresCase ? source.slice(4) : source).replaceAll('(?P<', '(?<');
  const wanted = ignoresCase ? `${flags}i` : flags;
  try {
    return new RegExp(text, `${wanted}u`);
  } catch {
    // Unicode mode refuses escapes that mean nothing; other expressions can do without it.
    return plainPattern(text, wanted);
  }
}

function plainPattern(text: string, flags: string): RegExp {
  try {
    return new RegExp(text, flags);
  } catch (error) {
    throw invalid(errorText(error));
  }
}

/** Several expressions joined by a back tick; [] for `''`. @throws GatewayError `route.pattern` */
export function compileNodePatterns(joined: string): readonly RegExp[] {
  return joined === '' ? [] : joined.split('`').map((source) => compileNodePattern(source));
}

/** `$1`, `${1}` and `${name}` as a JavaScript replacement text has them. */
export function replacementText(target: string): string {
  return target.replaceAll(/\$\{(\w+)\}/g, (_whole, name: string) =>
    /^\d+$/.test(name) ? `$${name}` : `$<${name}>`,
  );
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid', 'route.pattern', message);
}
