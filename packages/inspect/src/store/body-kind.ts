import type { HeaderLines } from '../port.ts';
import { headerValue } from './header-text.ts';

const TEXT_TYPE =
  /^(text\/|message\/|multipart\/form-data|application\/(json|xml|javascript|ecmascript|x-javascript|x-www-form-urlencoded|graphql|x-ndjson|ndjson|yaml|x-yaml|toml|sql|sdp|x-sh|dns-json|vnd\.apple\.mpegurl|x-mpegurl)\b|audio\/(x-)?mpegurl|image\/svg)|\+(json|xml|yaml)\b/i;
const BINARY_TYPE =
  /^(image|audio|video|font)\/|^application\/(zip|gzip|x-gzip|pdf|wasm|x-protobuf|protobuf|grpc|x-tar|x-7z-compressed|x-rar-compressed|vnd\.android\.package-archive|font)/i;

/** True for a media type that is text whatever its bytes, false for one that never is, `undefined` when only the bytes can tell. */
export function isTextType(contentType: string): boolean | undefined {
  if (TEXT_TYPE.test(contentType)) return true;
  return BINARY_TYPE.test(contentType) ? false : undefined;
}

/** The charset parameter of a content type in lower case, `''` when absent. */
export function charsetOf(contentType: string): string {
  return /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1]?.toLowerCase() ?? '';
}

/** True when a stored body must be decoded before its text can be searched; false when its bytes are UTF-8 text or no text at all. */
export function needsDecoding(headers: HeaderLines): boolean {
  const contentType = headerValue(headers, 'content-type');
  const text = isTextType(contentType);
  if (text === false) return false;
  const coding = headerValue(headers, 'content-encoding');
  if (coding !== '' && coding.toLowerCase() !== 'identity') return true;
  const charset = charsetOf(contentType);
  return text === undefined || !(charset === '' || charset === 'utf-8' || charset === 'us-ascii');
}
