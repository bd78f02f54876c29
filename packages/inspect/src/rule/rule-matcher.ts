import { isIP } from 'node:net';
import { compileGlob } from '../glob.ts';
import type { ResponseRule } from '../port.ts';
import { compilePath, type PathPattern } from './path-pattern.ts';

/** What rules look at. */
export type RuleSubject = {
  readonly method: string;
  /** Lower case, IPv6 without brackets. */
  readonly host: string;
  readonly port: string;
  /** Path and query, and the same percent-decoded when that differs and can be decoded. */
  readonly paths: readonly string[];
};

const DEFAULT_PORTS: Readonly<Record<string, string>> = {
  'http:': '80',
  'https:': '443',
  'ws:': '80',
  'wss:': '443',
};

/** What rules look at in a request; `undefined` for a URL that does not parse, which no rule matches. */
export function ruleSubject(method: string, url: string): RuleSubject | undefined {
  const parsed = URL.parse(url);
  if (parsed === null) return undefined;
  const path = `${parsed.pathname || '/'}${parsed.search}`;
  const decoded = decodePath(path);
  return {
    method: method.toUpperCase(),
    host: withoutBrackets(parsed.hostname.toLowerCase()),
    port: parsed.port || (DEFAULT_PORTS[parsed.protocol] ?? ''),
    paths: decoded === path ? [path] : [path, decoded],
  };
}

function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a stray percent sign: only the raw form is tested
  }
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

type HostTest = (subject: RuleSubject) => boolean;

/**
 * The test of a rule's `host`: `*`; a glob; a value with a dot is that host and its subdomains; any other is a keyword,
 * except `localhost` and IP literals, which are exact. `:port` at the end also fixes the port.
 */
export function compileHost(text: string): HostTest {
  const { host, port } = splitPort(text.toLowerCase());
  const name = compileName(host);
  return port === undefined
    ? (subject) => name(subject.host)
    : (subject) => subject.port === port && name(subject.host);
}

function splitPort(text: string): { readonly host: string; readonly port: string | undefined } {
  if (isIP(text) === 6) return { host: text, port: undefined };
  const match = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(text);
  return {
    host: withoutBrackets(match?.[1] ?? text),
    port: match?.[2] === undefined ? undefined : String(Number(match[2])),
  };
}

function compileName(text: string): (host: string) => boolean {
  if (text === '*') return () => true;
  if (text.includes('*')) return compileGlob(text);
  // Both sides in the form the URL parser gives: punycode, canonical IPv4 and IPv6.
  const name = canonicalHost(text);
  if (isIP(name) !== 0 || name === 'localhost') return (host) => host === name;
  if (name.includes('.')) return (host) => host === name || host.endsWith(`.${name}`);
  return (host) => host.includes(name);
}

function canonicalHost(text: string): string {
  const parsed = URL.parse(`http://${isIP(text) === 6 ? `[${text}]` : text}/`);
  return parsed === null ? text : withoutBrackets(parsed.hostname);
}

/** The outcome of testing a rule: matched or not, or its pattern took too long. */
export type RuleTest = 'match' | 'no-match' | 'too-slow';

/** A rule ready to be tested. */
export class CompiledRule {
  readonly rule: ResponseRule;
  readonly #host: HostTest;
  readonly #path: PathPattern | undefined;

  constructor(rule: ResponseRule) {
    this.rule = rule;
    this.#host = compileHost(rule.host);
    this.#path = compilePath(rule.pathRegex);
  }

  test(subject: RuleSubject): RuleTest {
    const { method } = this.rule;
    if ((method !== '*' && method !== subject.method) || !this.#host(subject)) return 'no-match';
    for (const path of subject.paths) {
      const matched = this.#path === undefined ? false : this.#path.test(path);
      if (matched === undefined) return 'too-slow';
      if (matched) return 'match';
    }
    return 'no-match';
  }
}
