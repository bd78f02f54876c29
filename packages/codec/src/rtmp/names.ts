/** The names a client asked for; `params` is the query text without `?`, exactly as sent. */
export type RtmpNames = { readonly app: string; readonly stream: string; readonly params: string };

/**
 * App and stream from the connect command's `app` and the publish or play command's name. An app with several segments
 * keeps the first and gives the rest to the stream; `ext:name` becomes `name.ext` unless `name` already contains `ext`.
 */
export function parseRtmpNames(connectApp: string, streamName: string): RtmpNames {
  const [path, query] = splitQuery(connectApp);
  const [name, params] = splitQuery(streamName);
  const segments = path.split('/').filter((segment) => segment !== '');
  const [app = '', ...rest] = segments;
  const stream = [...rest, withoutTypePrefix(name.replace(/^\/+/, ''))].join('/');
  return { app: decodeOnce(app), stream: decodeOnce(stream), params: params === '' ? query : params };
}

function splitQuery(text: string): [string, string] {
  const at = text.indexOf('?');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function withoutTypePrefix(name: string): string {
  const at = name.indexOf(':');
  if (at <= 0) return name;
  const extension = name.slice(0, at);
  const bare = name.slice(at + 1);
  return bare.includes(extension) ? bare : `${bare}.${extension}`;
}

/** Percent-decoding; a malformed escape leaves the text as it is. */
function decodeOnce(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
