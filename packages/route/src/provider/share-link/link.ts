import { decodeBase64Text } from './base64.ts';

/** A node as a configuration would have it; values are what the link says, unchecked. */
export type LinkedNode = Readonly<Record<string, unknown>> & { readonly name: string; readonly type: string };

/** `scheme://userInfo@host:port/path?query#fragment` taken apart. */
export type ShareLink = {
  /** Lower case. */
  readonly scheme: string;
  /** What stands between the scheme and the fragment. */
  readonly body: string;
  /** As written, `''` for none. */
  readonly userInfo: string;
  /** IPv6 literals without their brackets. */
  readonly host: string;
  /** As written, `''` for none. */
  readonly port: string;
  readonly query: URLSearchParams;
  /** Percent-decoded, `''` for none. */
  readonly fragment: string;
};

/** The parts of one line; `undefined` when it has no scheme. */
export function splitLink(line: string): ShareLink | undefined {
  const start = /^([a-z][a-z0-9+.-]*):\/\//i.exec(line);
  if (start === null) return undefined;
  const [behind = '', ...fragments] = line.slice(start[0].length).split('#');
  const [place = '', ...queries] = behind.split('?');
  const slash = place.indexOf('/', place.lastIndexOf('@') + 1);
  const authority = slash < 0 ? place : place.slice(0, slash);
  const at = authority.lastIndexOf('@');
  const { host, port } = splitPort(authority.slice(at + 1));
  return {
    scheme: (start[1] ?? '').toLowerCase(),
    body: behind,
    userInfo: at < 0 ? '' : authority.slice(0, at),
    host,
    port,
    query: new URLSearchParams(queries.join('?')),
    fragment: percentDecoded(fragments.join('#')),
  };
}

function splitPort(place: string): { readonly host: string; readonly port: string } {
  const literal = /^\[([^\]]*)\](?::(.*))?$/.exec(place);
  if (literal !== null) return { host: literal[1] ?? '', port: literal[2] ?? '' };
  const colon = place.lastIndexOf(':');
  return colon < 0
    ? { host: percentDecoded(place), port: '' }
    : { host: percentDecoded(place.slice(0, colon)), port: place.slice(colon + 1) };
}

/** The name a link gives its node, or its place. */
export function nameOf({ fragment, host, port }: ShareLink): string {
  return fragment === '' ? `${host}:${port}` : fragment;
}

/** Whether a link says where its server is. */
export function hasPlace({ host, port }: ShareLink): boolean {
  return host !== '' && isPort(port);
}

/** Whether a text is a port number. */
export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

/** The text itself where it cannot be decoded. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign stands for itself.
    return text;
  }
}

/** `user:password` as written, or the base64 of it. */
export function credentialsOf(userInfo: string): { readonly user: string; readonly password: string } {
  const written = percentDecoded(userInfo);
  const text = written.includes(':') ? written : (decodeBase64Text(written) ?? written);
  const colon = text.indexOf(':');
  return colon < 0
    ? { user: text, password: '' }
    : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The texts that count as true in a link. */
export function isTrue(text: string | null): boolean {
  return text !== null && ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text);
}

/** `key: value` for a value that is there, else nothing. */
export function given<V>(key: string, value: V | null | undefined | ''): Record<string, V> {
  return value === null || value === undefined || value === '' ? {} : { [key]: value };
}

/** A list written with commas. */
export function listOf(text: string | null): readonly string[] | undefined {
  return text === null || text === '' ? undefined : text.split(',');
}
