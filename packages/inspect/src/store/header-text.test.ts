import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { headersJson, joinHeaderLines, readableLines } from './header-text.ts';

const onWire = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('header text', () => {
  it('reads UTF-8 where the bytes are, and leaves Latin-1', () => {
    const lines = [
      ['Content-Disposition', onWire('attachment; filename="报告.txt"')],
      ['X-Latin', 'caf\xe9'],
      ['X-Plain', 'plain'],
    ] as const;
    assert.deepEqual(readableLines(lines), [
      ['Content-Disposition', 'attachment; filename="报告.txt"'],
      ['X-Latin', 'caf\xe9'],
      ['X-Plain', 'plain'],
    ]);
  });

  it('joins repeats, cookies by line', () => {
    const lines = [
      ['Set-Cookie', 'a=1'],
      ['X-A', '1'],
      ['set-cookie', 'b=2'],
      ['x-a', '2'],
    ] as const;
    assert.deepEqual(
      [...joinHeaderLines(lines)],
      [
        ['set-cookie', 'a=1\nb=2'],
        ['x-a', '1, 2'],
      ],
    );
    assert.equal(headersJson(lines), '{"set-cookie":"a=1\\nb=2","x-a":"1, 2"}');
  });
});
