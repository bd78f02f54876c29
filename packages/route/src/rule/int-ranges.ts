import { GatewayError } from '@sluice/base/errors';

/** Both bounds are included. */
export type IntRange = { readonly first: number; readonly last: number };

const MAX_RANGES = 28;

/**
 * Reads `80/443/8000-9000` (`,` counts as `/`): empty items are skipped, reversed bounds swapped, brackets and spaces
 * round a number tolerated. `''` and `*` give an empty list, which stands for everything.
 * @throws GatewayError `route.ranges` with the control API's text
 */
export function parseIntRanges(text: string, maximum: number): readonly IntRange[] {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === '*') return [];
  const items = trimmed.replaceAll(',', '/').split('/');
  if (items.length > MAX_RANGES) {
    throw rangesError(`intRanges error, too many ranges to use, maximum support ${MAX_RANGES} ranges`);
  }
  return items.filter((item) => item !== '').map((item) => parseRange(item, maximum));
}

function parseRange(item: string, maximum: number): IntRange {
  const bounds = item.split('-').map((bound) => bound.replace(/^[[\] ]+|[[\] ]+$/g, ''));
  const numbers = bounds.map((bound) => (/^\d{1,15}$/.test(bound) ? Number(bound) : Number.NaN));
  const [first = Number.NaN, last = first] = numbers;
  if (numbers.length > 2 || !(first <= maximum) || !(last <= maximum)) throw rangesError('intRanges error');
  return first <= last ? { first, last } : { first: last, last: first };
}

/** The canonical text, `*` for everything. */
export function formatIntRanges(ranges: readonly IntRange[]): string {
  if (ranges.length === 0) return '*';
  return ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join('/');
}

/** True when the list is empty (everything) or one range holds the value. */
export function rangesInclude(ranges: readonly IntRange[], value: number): boolean {
  return ranges.length === 0 || ranges.some(({ first, last }) => value >= first && value <= last);
}

function rangesError(message: string): GatewayError {
  return new GatewayError('invalid', 'route.ranges', message);
}
