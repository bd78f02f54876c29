import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { curlOf } from './curl.ts';

const request = {
  httpVersion: '1.1',
  headers: [
    ['Host', 'example.com'],
    ['Content-Length', '5'],
    ['X-Quote', `it's "$HOME" \`id\``],
  ] as const,
  bodyText: `{"name":"O'Brien"}\nline two`,
  bodyEncoding: 'utf8' as const,
  bodySizeBytes: 0,
  bodyTruncated: false,
  method: 'POST',
  url: "https://example.com/a?b=c&d='e'",
  route: [],
  captureType: 'mitm',
};

/** What a shell would hand to curl. */
function argumentsOf(command: string): string[] {
  const output = execFileSync('sh', [
    '-c',
    `curl() { for each; do printf '%s\\0' "$each"; done; cat; }\n${command} </dev/null`,
  ]);
  return output.toString().split('\0').slice(0, -1);
}

describe('copy as cURL', () => {
  it('survives the shell with quotes, expansions and line breaks', () => {
    assert.deepEqual(argumentsOf(curlOf(request)), [
      request.url,
      ...['-X', 'POST'],
      ...['-H', `X-Quote: it's "$HOME" \`id\``],
      ...['--data-raw', request.bodyText],
    ]);
  });

  it('sends bytes that are no text through base64', () => {
    const command = curlOf({ ...request, bodyEncoding: 'base64', bodyText: 'AAEC' });
    assert.match(command, /^printf %s 'AAEC' \| base64 -d \| curl /);
    assert.match(command, /--data-binary @-$/);
  });
});
