import { BodyInvalidError } from './body.ts';

/** The query of a delay test, checked. */
export type DelayQuery = {
  readonly url: string;
  readonly timeoutMs: number;
  readonly expectedStatus: string;
};

const MAX_STATUS_ITEMS = 28;

/** Reads `url`, `timeout` (a signed integer of `timeoutBits`) and `expected`. @throws BodyInvalidError */
export function parseDelayQuery(query: URLSearchParams, timeoutBits: 16 | 32): DelayQuery {
  const timeout = query.get('timeout') ?? '';
  const limit = 2 ** (timeoutBits - 1);
  const timeoutMs = /^[+-]?\d+$/.test(timeout) ? Number(timeout) : Number.NaN;
  if (!(timeoutMs >= -limit && timeoutMs < limit)) throw new BodyInvalidError('timeout');
  return {
    url: query.get('url') ?? '',
    timeoutMs,
    expectedStatus: checkStatusSet(query.get('expected') ?? ''),
  };
}

/** A status set such as `200/204` or `200-299,401`; empty and `*` mean any. */
function checkStatusSet(text: string): string {
  if (text === '' || text === '*') return '*';
  const items = text.split(/[/,]/);
  const isStatus = (part: string) => /^\d{1,5}$/.test(part) && Number(part) <= 65_535;
  const isItem = (item: string) => {
    const ends = item.trim().split('-');
    return ends.length <= 2 && ends.every((end) => isStatus(end.trim()));
  };
  if (items.length > MAX_STATUS_ITEMS || !items.every(isItem)) throw new BodyInvalidError('expected');
  return text;
}
