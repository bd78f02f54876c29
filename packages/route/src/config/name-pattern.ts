import { errorText, GatewayError } from '@sluice/base/errors';

const MAX_LENGTH = 4_096;
/** An option group such as `(?i)`, which holds up to the end of the group it is in. */
const OPTIONS = /^\(\?([ims]*)(?:-([ims]+))?\)/;

/**
 * Compiles a regular expression for names of outbounds: ECMAScript syntax with look-around, and options such as `(?i)` at
 * any place.
 * @throws GatewayError `route.pattern`
 */
export function compileNamePattern(source: string): RegExp {
  if (source.length > MAX_LENGTH) {
    throw patternError(`regular expression longer than ${MAX_LENGTH} characters`);
  }
  const pattern = withScopedOptions(source.replaceAll('(?P<', '(?<'));
  try {
    return new RegExp(pattern, 'u');
  } catch {
    // Needless escapes such as `\-` are allowed outside the Unicode mode only.
    return compileLegacy(pattern);
  }
}

/** Compiles several expressions joined by backticks. @throws GatewayError `route.pattern` */
export function compileNamePatterns(sources: string): RegExp[] {
  return sources === '' ? [] : sources.split('`').map(compileNamePattern);
}

function compileLegacy(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw patternError(errorText(error), error);
  }
}

/** Rewrites `a(?i)b|c` as `a(?i:b)|(?i:c)`, for an engine whose options have a scope of their own. */
function withScopedOptions(source: string): string {
  let result = '';
  /** For each open group the options that are open in it. */
  const open: string[][] = [[]];
  let inClass = false;
  for (let index = 0; index < source.length; index++) {
    const options = open.at(-1) ?? [];
    const character = source.charAt(index);
    if (character === '\\') {
      result += source.slice(index, index + 2);
      index += 1;
    } else if (inClass || character === '[') {
      inClass = character !== ']';
      result += character;
    } else if (character === '(') {
      const option = OPTIONS.exec(source.slice(index));
      if (option === null) {
        open.push([]);
        result += character;
      } else {
        const opening = `(?${option[1] ?? ''}${option[2] === undefined ? '' : `-${option[2]}`}:`;
        index += option[0].length - 1;
        options.push(opening);
        result += opening;
      }
    } else if (character === '|') {
      result += `${')'.repeat(options.length)}|${options.join('')}`;
    } else if (character === ')') {
      result += ')'.repeat(options.length + 1);
      if (open.length > 1) open.pop();
    } else result += character;
  }
  return result + ')'.repeat(open.at(-1)?.length ?? 0);
}

function patternError(message: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid', 'route.pattern', message, { cause });
}
