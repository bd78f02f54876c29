import type { ExchangeDetail } from '@sluice/api/native/types';

/** Headers that curl makes itself, or that would be wrong when sent again. */
const OWN_HEADERS = new Set([
  'host',
  'content-length',
  'connection',
  'proxy-connection',
  'transfer-encoding',
  'accept-encoding',
]);

/** The request as a command for a POSIX shell. */
export function curlOf(request: ExchangeDetail['request']): string {
  const parts = [`curl ${quote(request.url)}`];
  if (request.method !== 'GET') parts.push(`-X ${quote(request.method)}`);
  for (const [name, value] of request.headers) {
    if (!OWN_HEADERS.has(name.toLowerCase()) && !name.startsWith(':'))
      parts.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  const { bodyText, bodyEncoding } = request;
  if (bodyText !== null && bodyText !== '') {
    parts.push(bodyEncoding === 'utf8' ? `--data-raw ${quote(bodyText)}` : '--data-binary @-');
  }
  const command = parts.join(' \\\n  ');
  return bodyEncoding === 'base64' && bodyText
    ? `printf %s ${quote(bodyText)} | base64 -d | ${command}`
    : command;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
