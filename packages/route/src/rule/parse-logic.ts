import { ruleError } from './rule-error.ts';

/** Keywords whose payload may hold commas: it reaches to the end, and there are no options. */
export const OPEN_PAYLOAD_KEYWORDS: ReadonlySet<string> = new Set([
  ...['AND', 'OR', 'NOT', 'SUB-RULE', 'DOMAIN-REGEX', 'PROCESS-NAME-REGEX', 'PROCESS-PATH-REGEX'],
]);

/** The pieces of one rule inside a logic rule. */
export type ChildText = {
  readonly keyword: string;
  readonly payload: string;
  readonly options: readonly string[];
};

const OPEN = 40;
const CLOSE = 41;
const BACKSLASH = 92;

/** Cuts up `((T1,p1),(T2,p2))`, the payload of a logic rule. @throws GatewayError `route.rule` */
export function parseChildren(payload: string): readonly ChildText[] {
  if (!payload.includes('(') || !payload.includes(')')) throw ruleError('payload format error');
  const text = payload.trim();
  const outer = outerPairs(text);
  const isWrapped = outer.length === 1 && outer[0]?.start === 0 && outer[0].end === text.length - 1;
  if (!isWrapped) return outer.map(({ start, end }) => parseChild(text.slice(start + 1, end)));
  const inner = text.slice(1, -1);
  return outerPairs(inner).map(({ start, end }) => parseChild(inner.slice(start + 1, end)));
}

function parseChild(child: string): ChildText {
  const comma = child.indexOf(',');
  if (comma < 0) throw ruleError(`[${child}] format is error`);
  const keyword = child.slice(0, comma);
  if (keyword === 'MATCH' || keyword === 'SUB-RULE') {
    throw ruleError(`unsupported rule type [${keyword}] on logic rule`);
  }
  const rest = child.slice(comma + 1);
  if (OPEN_PAYLOAD_KEYWORDS.has(keyword)) return { keyword, payload: rest, options: [] };
  const [first = '', ...options] = rest.split(',');
  return { keyword, payload: first, options };
}

type Pair = { readonly start: number; readonly end: number };

/** The pairs that are in no other. Where they do not pair up, those that a regular expression escapes are left out. */
function outerPairs(text: string): readonly Pair[] {
  const pairs = scanPairs(text, false);
  if (typeof pairs !== 'string') return pairs;
  const unescaped = scanPairs(text, true);
  if (typeof unescaped === 'string') throw ruleError(pairs);
  return unescaped;
}

function scanPairs(text: string, skipsEscaped: boolean): readonly Pair[] | string {
  const pairs: Pair[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (skipsEscaped && unit === BACKSLASH) index++;
    else if (unit === OPEN) {
      if (depth++ === 0) start = index;
    } else if (unit === CLOSE) {
      if (depth === 0) return "missing '('";
      if (--depth === 0) pairs.push({ start, end: index });
    }
  }
  return depth === 0 ? pairs : 'format error is missing )';
}
